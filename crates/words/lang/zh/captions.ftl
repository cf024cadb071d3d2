# What finished lectures say to those who watch them: cards, captions, chapters.

caption-no-picture = 没有来自 { $source } 的画面
caption-interrupted = 录制中断
chapter-start = 开始
chapter-mark = 标记 { $number }
chapter-after-outage = 中断之后

# The two largest units that matter.
short-seconds = { $seconds } 秒
short-minutes = { $minutes } 分
short-minutes-seconds = { $minutes } 分 { $seconds } 秒
short-hours = { $hours } 小时
short-hours-minutes = { $hours } 小时 { $minutes } 分
