# How lengths, moments, sizes and sources are written.

length-seconds = { $n } 秒
length-minutes = { $n } 分钟
length-hours = { $n } 小时
size-kb = { $n } KB
size-mb = { $n } MB
size-gb = { $n } GB

# The last comma of a list is this word.
list-and = { $most }和{ $last }
list-comma = 、
moment-other-day = { $month } 月 { $day } 日 { $time }

# Sources with these names are called so; others keep the name that they were given.
source-camera = 摄像头
source-screen = 屏幕
source-slides = 课件
source-microphone = 麦克风
source-board = 黑板
source-podium = 讲台
source-ceiling = 天花板
