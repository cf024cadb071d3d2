# How lengths, moments, sizes and sources are written.

length-seconds = { $n ->
     [one] 1 second
    *[other] { $n } seconds
}
length-minutes = { $n ->
     [one] 1 minute
    *[other] { $n } minutes
}
length-hours = { $n ->
     [one] 1 hour
    *[other] { $n } hours
}
size-kb = { $n } KB
size-mb = { $n } MB
size-gb = { $n } GB

# The last comma of a list is this word.
list-and = { $most } and { $last }
list-comma = {", "}
moment-other-day = { $day } { $month ->
     [1] Jan
     [2] Feb
     [3] Mar
     [4] Apr
     [5] May
     [6] Jun
     [7] Jul
     [8] Aug
     [9] Sep
     [10] Oct
     [11] Nov
    *[other] Dec
}, { $time }

# Sources with these names are called so; others keep the name that they were given.
source-camera = Camera
source-screen = Screen
source-slides = Slides
source-microphone = Microphone
source-board = Board
source-podium = Podium
source-ceiling = Ceiling
