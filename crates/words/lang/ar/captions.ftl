# What finished lectures say to those who watch them: cards, captions, chapters.

caption-no-picture = لا توجد صورة من { $source }
caption-interrupted = انقطع التسجيل
chapter-start = البداية
chapter-mark = علامة { $number }
chapter-after-outage = بعد الانقطاع

# The two largest units that matter.
short-seconds = { $seconds } ث
short-minutes = { $minutes } د
short-minutes-seconds = { $minutes } د { $seconds } ث
short-hours = { $hours } س
short-hours-minutes = { $hours } س { $minutes } د
