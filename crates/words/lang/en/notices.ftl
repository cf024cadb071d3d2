# What people are told who are not in the room: notices by webhook and mail, and the morning report.
#
# $room: the room's name or id. $what: what happened, a sentence. $at: a moment. $subject: a source or
# platform. $lecture: its id. $count: lectures. $left: a length of time.

## A trouble

notice-fault = { $room }: { $what }
notice-still = { $room }, still so: { $what }
notice-over = { $room }, over: { $what }
notice-over-line = This is over, and nothing is to be done any more: { $what }
notice-kind = Something in the room needs a person: { $code }.
    .safe = What it is about is shown in the room alone.
    .todo = Look at the page of the recorder, or at its log.
notice-since = Since: { $at }.
notice-subject = About: { $subject }.
notice-lecture = Lecture under way: { $lecture }.
notice-from = Lectern in room { $room }, { $at }.

## A test

notice-test = { $room }: a test
notice-test-line = Somebody asked whether notices arrive here. They do, and nothing is to be done.
notice-taken = The test notice was taken.
notice-reached = It answers. Whether it takes notices is shown by: lectern notify --test.
notice-leaving = It could not be asked: the recorder ends.

## The morning report

report-title = { $room }, yesterday: { $recorded } recorded, { $sent } sent
report-recorded = Recorded yesterday: { $count }
report-sent = Sent of these: { $count }
report-stuck = Need a person before they can be finished or sent: { $count }
report-silent = Without any sound for a time: { $count }
report-missed = Planned and not recorded: { $count }
report-crashes = Started again after a crash or a power cut: { $count }
report-disk = Room on the disk for: { $left }
report-next = Next lecture: { $at }
report-no-next = Next lecture: none is planned
report-well = Nothing needs a person.
report-troubles = This needs a person:
