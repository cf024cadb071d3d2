# What finished lectures say to those who watch them: cards, captions, chapters.

caption-no-picture = Нет изображения: { $source }
caption-interrupted = Прервано
chapter-start = Начало
chapter-mark = Метка { $number }
chapter-after-outage = После перерыва

# The two largest units that matter.
short-seconds = { $seconds } с
short-minutes = { $minutes } мин
short-minutes-seconds = { $minutes } мин { $seconds } с
short-hours = { $hours } ч
short-hours-minutes = { $hours } ч { $minutes } мин
