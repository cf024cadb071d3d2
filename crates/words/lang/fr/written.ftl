# How lengths, moments, sizes and sources are written.

length-seconds = { $n ->
     [one] { $n } seconde
    *[other] { $n } secondes
}
length-minutes = { $n ->
     [one] { $n } minute
    *[other] { $n } minutes
}
length-hours = { $n ->
     [one] { $n } heure
    *[other] { $n } heures
}
size-kb = { $n } ko
size-mb = { $n } Mo
size-gb = { $n } Go

# The last comma of a list is this word.
list-and = { $most } et { $last }
list-comma = {", "}
moment-other-day = { $day } { $month ->
     [1] janv.
     [2] févr.
     [3] mars
     [4] avr.
     [5] mai
     [6] juin
     [7] juil.
     [8] août
     [9] sept.
     [10] oct.
     [11] nov.
    *[other] déc.
} à { $time }

# Sources with these names are called so; others keep the name that they were given.
source-camera = Caméra
source-screen = Écran
source-slides = Diapositives
source-microphone = Microphone
source-board = Tableau
source-podium = Pupitre
source-ceiling = Plafond
