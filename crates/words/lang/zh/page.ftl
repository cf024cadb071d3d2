# The page at the podium.

## State words: at most twelve letters, read at three metres.

state-ready = 就绪
state-starting = 即将开始
state-recording = 正在录制
state-paused = 已暂停
state-saved = 已保存
state-fault = 故障
state-self-test = 自检

## The sentence under the state word. $about is a title or a course, $at and $since are moments.

sentence-ready = 开始上课时请按“录制”。
sentence-ready-next = 请按“录制”，或等待：下一节课会自动开始。
sentence-self-test = 正在试运行。随时可以按“录制”。
sentence-cancelled = 计划的课程将不会录制。
sentence-countdown = { $at } 自动开始：{ $about }
sentence-starting = 请稍候：设备正在启动。
sentence-waiting = 正在等待画面和声音。
sentence-recording = 正在本机保存：{ $sources }。
sentence-ends-soon = 将于 { $at } 自动结束。要继续，请按“{ $button }”。
sentence-paused = 现在没有录制，请随意交谈。
sentence-paused-long = 自 { $since } 起一直暂停。继续上课时请按“{ $button }”。
sentence-saved = { $has ->
        [both] 已保存在本机：{ $length }，{ $size }，有画面和声音。
        [picture] 已保存在本机：{ $length }，{ $size }，有画面，没有声音。
        [sound] 已保存在本机：{ $length }，{ $size }，有声音，没有画面。
       *[nothing] 已停止。没有录到画面和声音。
    }
sentence-fault = 现在无法录制。
sentence-undo-ends = 撤销停止的时间即将结束。
sentence-undo-ends-more = 撤销停止的时间即将结束。需要更多时间，请按“{ $button }”。

## Under the clock.

side-ends = { $at } 结束
side-paused-for = 已暂停

## Buttons: one or two short words.

button-start = 录制
button-again = 重新录制
button-pause = 暂停
button-resume = 继续
button-stop = 停止
button-undo = 撤销停止
button-more-time = 延长时间
button-mark = 标记
button-extend = { $by } 分钟
button-begin = 立即开始
button-begin-early = 提前开始
button-cancel = 今天不录
button-restore = 仍要录制
button-save = 保存
button-close = 关闭

## What is said of a press.

said-marked = 已在 { $at } 处标记。
said-extended = 延长 { $minutes } 分钟。
said-link-lost = 本页面与录制机失去联系，内容已过时。录制不受影响，页面会自动重试。

## What is said about a lecture.

field-title = 标题
field-course = 课程
field-presenter = 主讲人
field-language = 语言
field-needed = { $field }（必填）

## Names of the page’s parts, for those who hear it.

label-languages = 本页面的语言
label-about = 关于本节课
label-actions = 录制
label-pictures = 实时画面
label-sound = 声音
label-facts = 空间与上传
label-lectures = 最近的课程
label-messages = 消息
label-mend = 更正

## What a source says of itself. A picture has room for two short lines.

note-starting = 正在启动…
note-no-sound = 没有声音传来。
note-no-picture = 没有画面传来。
note-trying = 正在重试…
note-call = 请联系技术支持。
note-ended = 已关闭。
note-not-recorded = 未在录制
note-why = { $reason ->
        [not-found] 未连接。
        [denied] 无权访问。
        [busy] 正被其他程序使用。
        [lost] 信号丢失。线插好了吗？
        [unsupported] 设备不支持该设置。
        [config] 设置有误。
        [stalled] 没有数据传来。
        [swapped] 接入的是另一台设备。
       *[failed] 出现故障。
    }
note-standing-in = 正在替代：{ $source }
note-spare = 备用于：{ $source }

## Whether the microphone hears anybody.

hearing-listening = 正在聆听…
hearing-heard = 能听到您的声音
hearing-quiet = 听不到您的声音。麦克风够近吗？
hearing-test = 目前安静。请说几句话试音。
hearing-off = 麦克风已关闭

## Space, uploads and the next lecture. $n is a number, $at a moment.

fact-space = 剩余空间
fact-space-none = 无
fact-uploads = 上传
fact-next = 下一节
fact-next-none = 没有计划
next-line = { $at } · { $about }
uploads-none = 所有课程均已发送
uploads-waiting = { $n } 节课等待发送
uploads-sending = 正在发送“{ $about }”：{ $percent }%
uploads-more = 另有 { $n } 节等待
uploads-from = { $at } 起发送
uploads-held = 允许时即开始发送
uploads-nights = 约 { $n } 晚后全部发完
uploads-parked = { $n } 个上传需要处理
uploads-preparing = { $n } 节课正在处理
messages-more = 另有 { $n } 条消息
space-length = { $length }
source-list = { $sources }
lecture-at = { $at }

## What became of the last lectures.

lectures-none = 这里还没有录制过课程。
lecture-untitled = 无标题
fate-scheduled = 已计划
fate-starting = 即将开始
fate-recording = 正在录制
fate-paused = 已暂停
fate-interrupted = 中断
fate-preparing = 正在处理
fate-saved = 已保存在本机
fate-sending = 正在发送
fate-sent = 已发送
fate-failed = 需要处理
fate-cancelled = 已取消

## Where the PIN or a token is given.

sign-in = 登录
sign-in-pin = PIN 码
sign-in-token = 访问令牌
sign-in-podium = 请输入本教室的 PIN 码。正在录制的课程会继续录制。
sign-in-elsewhere = 请输入您收到的访问令牌。
sign-in-unreadable = 目前无法核对 PIN 码。录制不受影响。请联系技术支持。
sign-in-wrong = 输入有误。请重试，或联系技术支持。
sign-in-wait = 错误次数过多。请在{ $length }后重试，或联系技术支持。
sign-in-erase = 删除最后一位
sign-out = 退出登录
