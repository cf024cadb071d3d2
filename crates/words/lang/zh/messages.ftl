# Messages and refusals of the recorder. What the parts and names are: see lang/en/messages.ftl.

## The disk

message-disk-full = 磁盘已满，无法录制。
    .safe = 之前的课程都已保存好。
    .todo = 请联系技术支持清理磁盘空间。
message-disk-stopped = 磁盘已满，录制已停止。
    .safe = 此刻之前的内容都已保存。
    .todo = 请联系技术支持清理磁盘空间，然后重新开始录制。
message-disk-low = { $room ->
        [little] 磁盘剩余空间不足以录制 { $left }。
       *[some] 磁盘剩余空间大约还可录制 { $left }。
    }
    .safe = 没有任何内容丢失：磁盘写满之前，录制会自动停止。
    .todo = 请联系技术支持清理磁盘空间。
message-write-failed = 以下内容无法写入磁盘：{ $source }。
    .safe = 之前写入的内容都在磁盘上。
    .todo = 请联系技术支持。系统会自动重试。
message-segments-damaged = 之前的录制有部分损坏：磁盘上缺失 { $lost } 段，被改动 { $changed } 段。
    .safe = 其余内容完好，没有删除任何内容。
    .todo = 请联系技术支持。

## The lecture at work

message-ends-soon = { $minutes ->
        [1] 录制将在一分钟内自动停止。
       *[other] 录制将在 { $minutes } 分钟后自动停止。
    }
    .safe = 在此之前的内容都会保留，停止后短时间内还可以撤销。
    .todo = 如需继续，请在页面上延长。
message-nothing-arrived = 录制没有开始：摄像头、屏幕和麦克风都没有信号。
    .safe = 之前的课程都已保存好。
    .todo = 请检查线缆和电源，然后重新开始录制。
message-resumed-too-late = 中断后录制曾自动继续，现已停止：中断持续了 { $gap }。
    .safe = 中断前后的内容都已保存。
    .todo = 如果仍在上课，请撤销停止，或重新开始录制。
message-load-shed = 电脑目前太慢，以下画面的录制质量降低：{ $source }。
    .safe = 声音和其他画面照常完整录制。
    .todo = 请关闭这台电脑上的其他程序。
message-close-failed = 一节课的最后几秒还没有写入磁盘。
    .safe = 在此之前的内容都在磁盘上。
    .todo = 系统会自动重试。如果一直如此，请联系技术支持。
message-entry-failed = 一节已录制的课程无法记入列表。
    .safe = 已录制的内容都在磁盘上。
    .todo = 请联系技术支持。
message-finish-failed = 一节课程无法完成处理。
    .safe = 已录制的内容都在磁盘上。
    .todo = 请联系技术支持。
message-clock-untrusted = 录制机的时钟不准。
    .safe = 录制内容、时长和顺序都不受影响。时钟校准后，日期会自动更正。
    .todo = 请联系技术支持校准时钟。
message-config-faulty = 录制机收到的新设置有误，仍按原设置工作。
    .safe = 录制不受影响。
    .todo = 请联系技术支持更正设置。
message-config-waits = 新设置将在没有课程录制时生效。
    .safe = 本次课程不受影响。
    .todo = 无需操作。录制机会自动启用新设置。
message-program-waits = 新版本的录制程序将在没有课程录制时启用。
    .safe = 本次课程不受影响。
    .todo = 无需操作。录制机会自动启用新版本。

## Sources

message-source-lost = { $reason ->
        [silent] { $source }目前没有信号。
        [not-found] 找不到{ $source }。
        [busy] { $source }正被其他程序占用。
        [denied] 系统无权使用{ $source }。
        [config] { $source }的设置与设备不符。
        [swapped] { $source }的位置上接了另一台设备。
        [encoder] { $source }编码失败，正在重新启动。
        [stalled] { $source }没有信号，正在重新启动。
       *[lost] { $source }的信号已中断。
    }
    .safe = { $safe ->
        [others] 仍在录制：{ $others }。
        [earlier] 之前录制的内容都已保存。
       *[idle] 没有录制受到影响。
    }
    .todo = { $advice ->
        [config] 请联系技术支持更正设置。
        [busy] 请关闭占用它的程序。系统会自动重试。
        [denied] 请联系技术支持授予权限。
       *[cable] 请检查线缆和电源。系统会自动恢复。
    }
message-sound-muted = { $source }完全没有声音：已关闭或被静音。
    .safe = { $safe ->
        [others] 其他内容照常录制。
       *[idle] 没有录制受到影响。
    }
    .todo = 请打开麦克风，或在调音台上取消静音。
message-spare = { $principal }没有信号，现由备用的{ $source }代替。
    .safe = { $safe ->
        [others] 录制照常进行。
       *[idle] 没有录制受到影响。
    }
    .todo = 请检查线缆和电源。恢复后会自动切换回来。

## The way to the platforms

message-platform-refuses = { $platform } 目前不接收课程。
    .safe = 所有课程都保存在本机。其他平台照常上传。
    .todo = 请联系技术支持。
message-delivery-parked = 有 { $count } 节课程需要人工处理才能上传。
    .safe = { $count ->
        [1] 课程已处理完毕并保存在本机，不会重复上传。
       *[other] 这些课程已处理完毕并保存在本机，不会重复上传。
    }
    .todo = 请联系技术支持。
message-platform-denies = 平台不再承认一节它曾确认收到的课程。
    .safe = 课程保存在本机。
    .todo = 请联系技术支持。
message-budget-spent = { $span ->
        [day] 今天的上传流量 { $limit } 已用完。
       *[month] 本月的上传流量 { $limit } 已用完。
    }
    .safe = 待上传的课程保存在本机。
    .todo = 无需操作。将自动恢复上传：{ $again }。
message-hours-unknown = 课程暂不上传：时钟不准，无法判断现在是否为上传时段。
    .safe = 所有课程都保存在本机。
    .todo = 无需操作。时钟校准后会自动继续。

## Why a press or a request is refused

refused-state = { $why ->
        [under-way] 已有录制正在进行。
        [recording] 已经在录制。
        [paused] 已经暂停。
        [stopped] 录制已经停止。
        [beginning] 录制正在开始。
        [idle] 目前没有录制。
        [no-stop] 没有可以撤销的停止。
        [no-more-time] 撤销停止的时间不能再延长。
       *[other] 现在无法执行此操作。
    }未做任何更改。
refused-leaving = 系统正在关闭。没有任何内容丢失。请在恢复后重试。
refused-disk-full = 磁盘已满。之前的课程都已保存好。请联系技术支持清理磁盘空间。
refused-source-missing = 录制必需的信号缺失：{ $source }。没有任何内容丢失。请检查线缆和电源，然后重新开始录制。
refused-no-source = 摄像头、屏幕和麦克风都没有信号。没有任何内容丢失。请检查线缆，然后重新开始录制。
refused-database = 系统无法读写课程列表。已录制的内容都已保存。请联系技术支持，然后重试。
refused-length = 课程时长应为 1 至 { $most } 分钟。未做任何更改。
refused-extend = 至少延长一分钟，且结束时间不能超过 24 小时之后。未做任何更改。
refused-text = { $field ->
        [title] 标题
        [course] 课程名称
        [presenter] 授课人姓名
        [language] 语言
       *[label] 标签
    }只能有一行，最多 { $most } 个字符。未做任何更改。
refused-no-lecture = 本机没有这节课程。
refused-ambiguous = 这些字符无法对应到唯一的一节课程，请多输入几位。
refused-changed = 刚刚已被其他人更改。您的操作未生效。
refused-retry = 这节课程没有需要重试的内容。未做任何更改。
refused-retry-there = 平台 { $platform } 没有需要重试的内容。未做任何更改。
refused-amend = 这节课程正在送往平台。未做任何更改。请在平台上修改。

# Planned lectures
#
# $why: clock, recording, hindered or off. $count: lectures. $ends, $from, $to: moments. $named: whether
# there is a $title.

message-plan-clock = 下一节计划的课不会自动开始：录制机的时钟不准。
    .safe = 时钟校准后会自动开始。
    .todo = 到时间请手动开始。请联系技术支持校准时钟。
message-plan-waits = 下一节计划的课在等待：目前仍在录制。
    .safe = 当前录制继续。录制结束后，计划的课就会开始。
    .todo = 课程结束后请停止当前录制。
message-plan-hindered = 计划的课应当已经开始，但无法开始。
    .safe = 每隔几秒会自动重试，直到 { $ends }。
    .todo = 请检查线缆和电源。如果一直如此，请联系技术支持。
message-plan-missed = { $count ->
        [1] { $why ->
            [clock] 有一节计划的课没有录制：录制机的时钟不准。
            [recording] 有一节计划的课没有录制：整段时间都在录制别的课。
            [hindered] 有一节计划的课没有录制：在整段时间内都无法开始录制。
           *[off] 有一节计划的课没有录制：录制机当时关着。
        }
       *[other] 有 { $count } 节计划的课没有录制。
    }
    .safe = 已录制的内容都已保存。
    .todo = 如果课还在进行，请开始录制。
refused-plan-past = 只能为以后的时间安排课程。未做任何更改。
refused-self-test-running = 自检正在进行。未做任何更改。
refused-self-test-planned = { $at } 有课程安排，离现在太近，不能自检。未做任何更改。请课后再试。
refused-plan-overlaps = 这段时间已被占用。{ $from } 至 { $to } 已安排：{ $named ->
        [yes] { $title }
       *[no] 一节没有标题的课
    }。未做任何更改。
refused-plan-full = 已经安排了 { $most } 节课，不能再增加。未做任何更改。
refused-plan-state = 这节课已不能这样做。未做任何更改。
refused-plan-over = 这节课的时间已经过了。未做任何更改。
refused-required = { $title ->
        [missing] 缺少标题。
       *[said] {""}
    }{ $course ->
        [missing] 缺少课程名称。
       *[said] {""}
    }{ $presenter ->
        [missing] 缺少授课人姓名。
       *[said] {""}
    }{ $language ->
        [missing] 缺少授课语言。
       *[said] {""}
    }请填写后再按一次。
