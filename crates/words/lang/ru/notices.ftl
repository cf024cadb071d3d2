# Что сообщается тем, кто не в аудитории: уведомления по webhook и почте и утренний отчёт.
#
# $room: название или номер аудитории. $what: что случилось, предложение. $at: время. $subject: источник
# или платформа. $lecture: её номер. $count: лекции. $left: продолжительность.

## Неполадка

notice-fault = { $room }: { $what }
notice-still = { $room }, всё ещё так: { $what }
notice-over = { $room }, устранено: { $what }
notice-over-line = Это позади, делать больше ничего не нужно: { $what }
notice-kind = В аудитории требуется вмешательство человека: { $code }.
    .safe = Подробности показываются только в аудитории.
    .todo = Посмотрите страницу рекордера или его журнал.
notice-since = С какого времени: { $at }.
notice-subject = О чём речь: { $subject }.
notice-lecture = Идёт лекция: { $lecture }.
notice-from = Lectern, аудитория { $room }, { $at }.

## Проверка

notice-test = { $room }: проверка
notice-test-line = Кто-то проверил, приходят ли сюда уведомления. Приходят, делать ничего не нужно.
notice-taken = Проверочное уведомление принято.
notice-reached = Ответ получен. Принимаются ли уведомления, покажет: lectern notify --test.
notice-leaving = Спросить не удалось: рекордер завершает работу.

## Утренний отчёт

report-title = { $room }, вчера: записано { $recorded }, отправлено { $sent }
report-recorded = Записано вчера: { $count }
report-sent = Из них отправлено: { $count }
report-stuck = Нельзя завершить или отправить без помощи человека: { $count }
report-silent = Некоторое время совсем без звука: { $count }
report-missed = Запланировано и не записано: { $count }
report-crashes = Запусков после сбоя или отключения питания: { $count }
report-disk = Места на диске хватит на: { $left }
report-next = Следующая лекция: { $at }
report-no-next = Следующая лекция: не запланирована
report-well = Ничто не требует вмешательства.
report-troubles = Здесь нужен человек:
