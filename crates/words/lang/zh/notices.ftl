# 告诉不在教室里的人的内容：网络回调和邮件通知，以及早间报告。
#
# $room：教室名称或编号。$what：发生了什么，一句话。$at：时刻。$subject：来源或平台。$lecture：课程编号。
# $count：课程数。$left：时长。

## 故障

notice-fault = { $room }：{ $what }
notice-still = { $room }，仍未解决：{ $what }
notice-over = { $room }，已结束：{ $what }
notice-over-line = 此事已结束，无需再处理：{ $what }
notice-kind = 教室里有事需要人工处理：{ $code }。
    .safe = 具体内容只在教室里显示。
    .todo = 请查看录制器的页面或日志。
notice-since = 开始时间：{ $at }。
notice-subject = 涉及：{ $subject }。
notice-lecture = 正在录制的课程：{ $lecture }。
notice-from = Lectern，教室 { $room }，{ $at }。

## 测试

notice-test = { $room }：测试
notice-test-line = 有人想知道通知能否送达这里。能送达，无需处理。
notice-taken = 测试通知已被接收。
notice-reached = 有应答。要知道它是否接收通知，请运行：lectern notify --test。
notice-leaving = 无法询问：录制器正在退出。

## 早间报告

report-title = { $room }，昨天：录制 { $recorded }，已发送 { $sent }
report-recorded = 昨天录制：{ $count }
report-sent = 其中已发送：{ $count }
report-stuck = 需要人工处理才能完成或发送：{ $count }
report-silent = 有一段时间完全没有声音：{ $count }
report-missed = 已计划但未录制：{ $count }
report-crashes = 崩溃或断电后重新启动的次数：{ $count }
report-disk = 磁盘还可录制：{ $left }
report-next = 下一课：{ $at }
report-no-next = 下一课：没有计划
report-well = 没有需要人工处理的事。
report-troubles = 以下需要人工处理：
