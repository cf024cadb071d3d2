# What finished lectures say to those who watch them: cards, captions, chapters.

caption-no-picture = Pas d’image de { $source }
caption-interrupted = Interrompu
chapter-start = Début
chapter-mark = Repère { $number }
chapter-after-outage = Après l’interruption

# The two largest units that matter.
short-seconds = { $seconds } s
short-minutes = { $minutes } min
short-minutes-seconds = { $minutes } min { $seconds } s
short-hours = { $hours } h
short-hours-minutes = { $hours } h { $minutes } min
