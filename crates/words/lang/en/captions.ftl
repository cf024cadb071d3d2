# What finished lectures say to those who watch them: cards, captions, chapters.

caption-no-picture = No picture from { $source }
caption-interrupted = Interrupted
chapter-start = Start
chapter-mark = Mark { $number }
chapter-after-outage = After the interruption

# The two largest units that matter.
short-seconds = { $seconds } s
short-minutes = { $minutes } min
short-minutes-seconds = { $minutes } min { $seconds } s
short-hours = { $hours } h
short-hours-minutes = { $hours } h { $minutes } min
