# How lengths, moments, sizes and sources are written.

length-seconds = { $n ->
     [one] { $n } секунда
     [few] { $n } секунды
    *[many] { $n } секунд
}
length-minutes = { $n ->
     [one] { $n } минута
     [few] { $n } минуты
    *[many] { $n } минут
}
length-hours = { $n ->
     [one] { $n } час
     [few] { $n } часа
    *[many] { $n } часов
}
size-kb = { $n } КБ
size-mb = { $n } МБ
size-gb = { $n } ГБ

# The last comma of a list is this word.
list-and = { $most } и { $last }
list-comma = {", "}
moment-other-day = { $day } { $month ->
     [1] января
     [2] февраля
     [3] марта
     [4] апреля
     [5] мая
     [6] июня
     [7] июля
     [8] августа
     [9] сентября
     [10] октября
     [11] ноября
    *[other] декабря
}, { $time }

# Sources with these names are called so; others keep the name that they were given.
source-camera = Камера
source-screen = Экран
source-slides = Слайды
source-microphone = Микрофон
source-board = Доска
source-podium = Кафедра
source-ceiling = Потолок
