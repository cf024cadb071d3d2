# Messages and refusals of the recorder.
#
# A message says what happened, its .safe what is safe, its .todo what to do: for somebody who
# teaches and has no time. What only a technician can do is not said here.
# $source and $others are names of sources, $left and $gap lengths, $again a moment.

## The disk

message-disk-full = The disk is full: nothing can be recorded.
    .safe = Every earlier lecture is safe.
    .todo = Call the help desk to make room.
message-disk-stopped = The disk is full: the recording was stopped.
    .safe = Everything until this moment is saved.
    .todo = Call the help desk to make room; then record again.
message-disk-low = { $room ->
        [little] The disk has room for less than { $left } of recording.
       *[some] The disk has room for about { $left } of recording.
    }
    .safe = Nothing is lost: a recording is stopped before the disk is full.
    .todo = Call the help desk to make room.
message-write-failed = The disk does not take this recording: { $source }.
    .safe = What was written before is on the disk.
    .todo = Call the help desk. The recorder tries again by itself.
message-segments-damaged = Parts of earlier recordings are damaged: { $lost } missing, { $changed } changed on the disk.
    .safe = Everything else is whole; nothing was deleted.
    .todo = Call the help desk.

## The lecture at work

message-ends-soon = { $minutes ->
        [one] The recording stops by itself within a minute.
       *[other] The recording stops by itself in { $minutes } minutes.
    }
    .safe = Everything until then is kept, and the stop can be undone for a moment.
    .todo = To go on, extend it on the page.
message-nothing-arrived = The recording did not begin: no camera, screen or microphone delivered anything.
    .safe = Every earlier lecture is safe.
    .todo = Check cables and power, then press record again.
message-resumed-too-late = The recording went on by itself after an outage, and was stopped: the outage had lasted { $gap }.
    .safe = Everything before and after the outage is saved.
    .todo = If the lecture is still being held, press undo, or record again.
message-load-shed = The computer is too slow at the moment. Recorded more coarsely: { $source }.
    .safe = Sound and all other pictures are recorded in full.
    .todo = Close other programs on this computer.
message-close-failed = The last seconds of a lecture are not on the disk yet.
    .safe = Everything before them is on the disk.
    .todo = It is tried again by itself. Call the help desk if this stays.
message-entry-failed = A recorded lecture could not be entered in the list.
    .safe = Everything that was recorded is on the disk.
    .todo = Call the help desk.
message-finish-failed = A lecture could not be finished.
    .safe = Everything that was recorded is on the disk.
    .todo = Call the help desk.
message-clock-untrusted = The clock of the recorder is wrong.
    .safe = Recordings, their lengths and their order are not affected. Dates are put right as soon as the clock is.
    .todo = Call the help desk to set the clock.
message-config-faulty = The recorder was given new settings that have a fault; it goes on with the old ones.
    .safe = Recordings are not affected.
    .todo = Call the help desk to correct the settings.
message-config-waits = New settings wait until no lecture is under way.
    .safe = This lecture is not affected.
    .todo = Nothing need be done. The recorder takes them over by itself.
message-program-waits = A new version of the recorder waits until no lecture is under way.
    .safe = This lecture is not affected.
    .todo = Nothing need be done. The recorder takes it over by itself.

## Sources

message-source-lost = { $reason ->
        [silent] Nothing comes from { $source } at the moment.
        [not-found] The recorder cannot find { $source }.
        [busy] Another program is using { $source }.
        [denied] The recorder may not open { $source }.
        [config] The settings of { $source } do not fit the device.
        [swapped] Another device is in the place of { $source }.
        [encoder] The recorder could not encode { $source } and starts it again.
        [stalled] Nothing came from { $source }: it is being started again.
       *[lost] The recorder lost { $source }.
    }
    .safe = { $safe ->
        [others] Still being recorded: { $others }.
        [earlier] What was recorded before is safe.
       *[idle] No recording is affected.
    }
    .todo = { $advice ->
        [config] Call the help desk to correct the settings.
        [busy] Close the other program. The recorder tries again by itself.
        [denied] Call the help desk to give the recorder access.
       *[cable] Check the cable and the power. The recorder goes on by itself.
    }
message-sound-muted = There is no sound at all from { $source }: it is switched off or muted.
    .safe = { $safe ->
        [others] Everything else goes on being recorded.
       *[idle] No recording is affected.
    }
    .todo = Switch the microphone on, or end its mute in the mixer.
message-spare = Nothing comes from { $principal }. The spare stands in: { $source }.
    .safe = { $safe ->
        [others] The recording goes on with it.
       *[idle] No recording is affected.
    }
    .todo = Check the cable and the power. The usual source is taken again by itself.

## The way to the platforms

message-platform-refuses = { $platform } takes no lectures at the moment.
    .safe = Every lecture is safe on this machine. Other platforms go on.
    .todo = Call the help desk.
message-delivery-parked = { $count ->
        [one] A lecture cannot be sent without help.
       *[other] { $count } lectures cannot be sent without help.
    }
    .safe = { $count ->
        [one] It is finished and safe on this machine, and nothing is sent twice.
       *[other] They are finished and safe on this machine, and nothing is sent twice.
    }
    .todo = Call the help desk.
message-platform-denies = A platform does not stand by a lecture that it confirmed before.
    .safe = The lecture is kept on this machine.
    .todo = Call the help desk.
message-budget-spent = { $span ->
        [day] The { $limit } that may be sent in a day are spent.
       *[month] The { $limit } that may be sent in a month are spent.
    }
    .safe = What is still to be sent waits on this machine.
    .todo = Nothing need be done. Sending begins again by itself: { $again }.
message-hours-unknown = Lectures are not sent: the clock is wrong, so nobody knows whether these are the hours for it.
    .safe = Every lecture is safe on this machine.
    .todo = Nothing need be done. It goes on when the clock is right.

## Why a press or a request is refused

refused-state = { $why ->
        [under-way] A recording is under way already.
        [recording] It is recording already.
        [paused] It is paused already.
        [stopped] The recording has been stopped already.
        [beginning] The recording is just beginning.
        [idle] Nothing is being recorded.
        [no-stop] There is no stop to take back.
        [no-more-time] There is no more time to take the stop back.
       *[other] That is not possible at the moment.
    } Nothing was changed.
refused-leaving = The recorder is shutting down. Nothing is lost. Try again when it is back.
refused-disk-full = The disk is full. Every earlier lecture is safe. Call the help desk to make room.
refused-source-missing = Needed for a recording, and nothing comes from it: { $source }. Nothing is lost. Check the cable and the power, then press record again.
refused-no-source = No camera, screen or microphone delivers anything. Nothing is lost. Check the cables, then press record again.
refused-database = The recorder cannot read or write its list. What was recorded is safe. Call the help desk, then try again.
refused-length = A lecture can be planned for at most { $most ->
        [one] 1 minute
       *[other] { $most } minutes
    }, and for at least one. Nothing was changed.
refused-extend = A lecture can be extended by one minute or more, and to 24 hours from now at most. Nothing was changed.
refused-text = { $field ->
        [title] The title
        [course] The course
        [presenter] The name of the presenter
        [language] The language
       *[label] The label
    } must be one line of at most { $most ->
        [one] 1 character
       *[other] { $most } characters
    }. Nothing was changed.
refused-no-lecture = There is no such lecture on this machine.
refused-ambiguous = These letters do not name one lecture alone. Give more of its id.
refused-changed = It was changed in the meantime by somebody else. Nothing was changed by you.
refused-retry = There is nothing to try again for this lecture. Nothing was changed.
refused-retry-there = There is nothing to try again at the platform { $platform }. Nothing was changed.
refused-amend = This lecture is on its way to the platform. Nothing was changed. Change it at the platform.

# Planned lectures
#
# $why: clock, recording, hindered or off. $count: lectures. $ends, $from, $to: moments. $named: whether
# there is a $title.

message-plan-clock = The next planned lecture will not begin by itself: the clock of the recorder is wrong.
    .safe = It begins by itself as soon as the clock is right.
    .todo = Begin it by hand when it is time. Call the help desk to set the clock.
message-plan-waits = The next planned lecture waits: a recording is still under way.
    .safe = This recording goes on. The planned lecture begins when it ends.
    .todo = Stop this recording when it is over.
message-plan-hindered = The planned lecture should have begun, and it cannot.
    .safe = It is tried again by itself every few seconds until { $ends }.
    .todo = Check cables and power. Call the help desk if this stays.
message-plan-missed = { $count ->
        [one] { $why ->
            [clock] A planned lecture was not recorded: the clock of the recorder was wrong.
            [recording] A planned lecture was not recorded: another recording took all its time.
            [hindered] A planned lecture was not recorded: the recording could not begin in all its time.
           *[off] A planned lecture was not recorded: the recorder was off.
        }
       *[other] { $count } planned lectures were not recorded.
    }
    .safe = Everything that was recorded is safe.
    .todo = If the lecture is still being held, press record.
refused-plan-past = A lecture can be planned for a time to come only. Nothing was changed.
refused-self-test-running = A self test is under way already. Nothing was changed.
refused-self-test-planned = A lecture is planned for { $at }, too soon for a self test. Nothing was changed. Test again after it.
refused-plan-overlaps = This time is taken. Planned from { $from } to { $to }: { $named ->
        [yes] { $title }
       *[no] a lecture without a title
    }. Nothing was changed.
refused-plan-full = There are { $most ->
        [one] 1 planned lecture
       *[other] { $most } planned lectures
    } already, and more cannot be kept. Nothing was changed.
refused-plan-state = That is not possible for this lecture any more. Nothing was changed.
refused-plan-over = The time of this lecture is over. Nothing was changed.
refused-required = { $title ->
        [missing] The title is missing.{" "}
       *[said] {""}
    }{ $course ->
        [missing] The course is missing.{" "}
       *[said] {""}
    }{ $presenter ->
        [missing] The name of the presenter is missing.{" "}
       *[said] {""}
    }{ $language ->
        [missing] The language is missing.{" "}
       *[said] {""}
    }Please fill it in, then press again.
