# The page at the podium.

## State words: at most twelve letters, read at three metres.

state-ready = Готово
state-starting = Запуск
state-recording = Запись
state-paused = Пауза
state-saved = Сохранено
state-fault = Сбой
state-self-test = Проверка

## The sentence under the state word. $about is a title or a course, $at and $since are moments.

sentence-ready = Начиная лекцию, нажмите «Запись».
sentence-ready-next = Нажмите «Запись» или ждите следующую лекцию.
sentence-self-test = Идёт проверка. «Запись» можно нажать в любую минуту.
sentence-cancelled = Запланированная лекция записана не будет.
sentence-countdown = Начнётся сама в { $at }: { $about }
sentence-starting = Одну минуту: источники включаются.
sentence-waiting = Ожидание изображения и звука.
sentence-recording = Сохраняются здесь: { $sources }.
sentence-ends-soon = Конец в { $at }. Чтобы продолжить: «{ $button }».
sentence-paused = Ничего не записывается. Говорите свободно.
sentence-paused-long = Пауза с { $since }. Чтобы продолжить: «{ $button }».
sentence-saved = { $has ->
        [both] Сохранено здесь: { $length }, { $size }, с изображением и звуком.
        [picture] Сохранено здесь: { $length }, { $size }, с изображением, без звука.
        [sound] Сохранено здесь: { $length }, { $size }, со звуком, без изображения.
       *[nothing] Остановлено. Ни изображения, ни звука не записано.
    }
sentence-fault = Сейчас запись невозможна.
sentence-undo-ends = Время для отмены остановки скоро закончится.
sentence-undo-ends-more = Время для отмены остановки скоро закончится. Чтобы продлить его: «{ $button }».

## Under the clock.

side-ends = до { $at }
side-paused-for = Пауза длится

## Buttons: one or two short words.

button-start = Запись
button-again = Записать заново
button-pause = Пауза
button-resume = Продолжить
button-stop = Стоп
button-undo = Отменить остановку
button-more-time = Больше времени
button-mark = Метка
button-extend = { $by } мин
button-begin = Начать сейчас
button-begin-early = Начать раньше
button-cancel = Не сегодня
button-restore = Всё же записать
button-save = Сохранить
button-close = Закрыть

## What is said of a press.

said-marked = Метка поставлена: { $at }.
said-extended = Ещё { $minutes } минут.
said-link-lost = Страница потеряла связь с рекордером и устарела. Запись идёт и без неё. Страница пробует снова сама.

## What is said about a lecture.

field-title = Название
field-course = Курс
field-presenter = Лектор
field-language = Язык
field-needed = { $field } (обязательно)

## Names of the page’s parts, for those who hear it.

label-languages = Язык страницы
label-about = О лекции
label-actions = Запись
label-pictures = Изображение сейчас
label-sound = Звук
label-facts = Место и отправка
label-lectures = Последние лекции
label-messages = Сообщения
label-mend = Исправить

## What a source says of itself. A picture has room for two short lines.

note-starting = Включается…
note-no-sound = Звук не поступает.
note-no-picture = Изображение не поступает.
note-trying = Пробуем снова…
note-call = Вызовите помощь.
note-ended = Выключено.
note-not-recorded = Не записывается
note-why = { $reason ->
        [not-found] Не подключено.
        [denied] Нет доступа.
        [busy] Занято другой программой.
        [lost] Связь потеряна. Кабель вставлен?
        [unsupported] Устройство этого не умеет.
        [config] Неверно настроено.
        [stalled] Ничего не поступает.
        [swapped] Подключено другое устройство.
       *[failed] Ошибка устройства.
    }
note-standing-in = Заменяет: { $source }
note-spare = Запасной для: { $source }

## Whether the microphone hears anybody.

hearing-listening = Слушаем…
hearing-heard = Мы вас слышим
hearing-quiet = Мы вас не слышим. Микрофон близко?
hearing-test = Тихо. Скажите пару слов для проверки.
hearing-off = Микрофон выключен

## Space, uploads and the next lecture. $n is a number, $at a moment.

fact-space = Осталось
fact-space-none = Нет
fact-uploads = Отправка
fact-next = Далее
fact-next-none = Ничего не запланировано
next-line = { $at } · { $about }
uploads-none = Все лекции отправлены
uploads-waiting = { $n ->
         [one] { $n } лекция ждёт отправки
         [few] { $n } лекции ждут отправки
        *[other] { $n } лекций ждут отправки
    }
uploads-sending = Отправляется { $about }: { $percent } %
uploads-more = { $n ->
         [one] ждёт ещё { $n }
         [few] ждут ещё { $n }
        *[other] ждут ещё { $n }
    }
uploads-from = Отправка: { $at }
uploads-held = Отправка начнётся, когда будет можно
uploads-nights = { $n ->
         [one] Всё уйдёт примерно за { $n } ночь
         [few] Всё уйдёт примерно за { $n } ночи
        *[other] Всё уйдёт примерно за { $n } ночей
    }
uploads-parked = { $n ->
         [one] { $n } отправка требует помощи
         [few] { $n } отправки требуют помощи
        *[other] { $n } отправок требуют помощи
    }
uploads-preparing = { $n ->
         [one] { $n } лекция готовится
         [few] { $n } лекции готовятся
        *[other] { $n } лекций готовятся
    }
messages-more = { $n ->
         [one] и ещё { $n } сообщение
         [few] и ещё { $n } сообщения
        *[other] и ещё { $n } сообщений
    }
space-length = { $length }
source-list = { $sources }
lecture-at = { $at }

## What became of the last lectures.

lectures-none = Здесь ещё ничего не записано.
lecture-untitled = Без названия
fate-scheduled = Запланирована
fate-starting = Начинается
fate-recording = Записывается
fate-paused = Пауза
fate-interrupted = Прервана
fate-preparing = Готовится
fate-saved = Сохранена здесь
fate-sending = Отправляется
fate-sent = Отправлена
fate-failed = Нужна помощь
fate-cancelled = Отменена

## Where the PIN or a token is given.

sign-in = Вход
sign-in-pin = PIN-код
sign-in-token = Токен доступа
sign-in-podium = Введите PIN-код этой аудитории. Начатая запись лекции продолжается.
sign-in-elsewhere = Введите токен доступа, который вам выдали.
sign-in-unreadable = Сейчас PIN-код нельзя проверить. Запись не затронута. Позвоните в службу поддержки.
sign-in-wrong = Неверно. Попробуйте ещё раз или позвоните в службу поддержки.
sign-in-wait = Слишком много неверных попыток. До следующей попытки: { $length }. Или позвоните в службу поддержки.
sign-in-erase = Удалить последнюю цифру
sign-out = Выйти
