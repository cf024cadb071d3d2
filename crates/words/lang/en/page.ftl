# The page at the podium.

## State words: at most twelve letters, read at three metres.

state-ready = Ready
state-starting = Starting
state-recording = Recording
state-paused = Paused
state-saved = Saved
state-fault = Fault
state-self-test = Self test

## The sentence under the state word. $about is a title or a course, $at and $since are moments.

sentence-ready = Press Record when you begin.
sentence-ready-next = Press Record, or wait: the next lecture begins by itself.
sentence-self-test = Trying everything out. Press Record at any time.
sentence-cancelled = The planned lecture will not be recorded.
sentence-countdown = Begins by itself at { $at }: { $about }
sentence-starting = One moment: the sources are beginning.
sentence-waiting = Waiting for picture and sound.
sentence-recording = Being saved here: { $sources }.
sentence-ends-soon = Ends at { $at }. To go on, press { $button }.
sentence-paused = Nothing is being recorded. Speak freely.
sentence-paused-long = Paused since { $since }. To go on, press { $button }.
sentence-saved = { $has ->
        [both] Saved here: { $length }, { $size }, with picture and sound.
        [picture] Saved here: { $length }, { $size }, with picture, without sound.
        [sound] Saved here: { $length }, { $size }, with sound, without picture.
       *[nothing] Stopped. Neither picture nor sound was recorded.
    }
sentence-fault = Recording is not possible now.
sentence-undo-ends = The time to undo the stop ends soon.
sentence-undo-ends-more = The time to undo the stop ends soon. For more, press { $button }.

## Under the clock.

side-ends = ends { $at }
side-paused-for = Paused for

## Buttons: one or two short words.

button-start = Record
button-again = Record anew
button-pause = Pause
button-resume = Resume
button-stop = Stop
button-undo = Undo stop
button-more-time = More time
button-mark = Mark
button-extend = { $by } min
button-begin = Start now
button-begin-early = Begin early
button-cancel = Not today
button-restore = Record it after all
button-save = Save
button-close = Close

## What is said of a press.

said-marked = Marked at { $at }.
said-extended = { $minutes } minutes more.
said-link-lost = This page has lost the recorder and is out of date. A recording goes on without the page. It tries again by itself.

## What is said about a lecture.

field-title = Title
field-course = Course
field-presenter = Presenter
field-language = Language
field-needed = { $field } (needed)

## Names of the page’s parts, for those who hear it.

label-languages = Language of this page
label-about = About the lecture
label-actions = Recording
label-pictures = Live pictures
label-sound = Sound
label-facts = Space and uploads
label-lectures = Last lectures
label-messages = Messages
label-mend = Correct

## What a source says of itself. A picture has room for two short lines.

note-starting = Starting …
note-no-sound = No sound arrives.
note-no-picture = No picture arrives.
note-trying = Trying again …
note-call = Call for help.
note-ended = Switched off.
note-not-recorded = Not being recorded
note-why = { $reason ->
        [not-found] Not connected.
        [denied] Access refused.
        [busy] In use by another program.
        [lost] Lost. Is the cable in?
        [unsupported] It cannot do what is asked.
        [config] Set up wrongly.
        [stalled] Nothing arrives.
        [swapped] Another device is in its place.
       *[failed] It failed.
    }
note-standing-in = Standing in for: { $source }
note-spare = Spare for: { $source }

## Whether the microphone hears anybody.

hearing-listening = Listening …
hearing-heard = We hear you
hearing-quiet = We cannot hear you. Is the microphone near?
hearing-test = Quiet now. Say a few words to test it.
hearing-off = The microphone is switched off

## Space, uploads and the next lecture. $n is a number, $at a moment.

fact-space = Space left
fact-space-none = None
fact-uploads = Uploads
fact-next = Next
fact-next-none = Nothing is planned
next-line = { $at } · { $about }
uploads-none = All lectures are sent
uploads-waiting = { $n ->
         [one] 1 lecture waits to be sent
        *[other] { $n } lectures wait to be sent
    }
uploads-sending = Sending { $about }: { $percent } %
uploads-more = { $n ->
         [one] 1 more waits
        *[other] { $n } more wait
    }
uploads-from = They leave at { $at }
uploads-held = They leave when sending is allowed
uploads-nights = { $n ->
         [one] All sent in about 1 night
        *[other] All sent in about { $n } nights
    }
uploads-parked = { $n ->
         [one] 1 upload needs help
        *[other] { $n } uploads need help
    }
uploads-preparing = { $n ->
         [one] 1 lecture is being prepared
        *[other] { $n } lectures are being prepared
    }
messages-more = { $n ->
         [one] and 1 more message
        *[other] and { $n } more messages
    }
space-length = { $length }
source-list = { $sources }
lecture-at = { $at }

## What became of the last lectures.

lectures-none = Nothing has been recorded here yet.
lecture-untitled = Untitled
fate-scheduled = Planned
fate-starting = Starting
fate-recording = Being recorded
fate-paused = Paused
fate-interrupted = Interrupted
fate-preparing = Being prepared
fate-saved = Saved here
fate-sending = Being sent
fate-sent = Sent
fate-failed = Needs help
fate-cancelled = Cancelled

## Where the PIN or a token is given.

sign-in = Sign in
sign-in-pin = PIN
sign-in-token = Access token
sign-in-podium = Type the PIN of this room. A lecture that is being recorded goes on.
sign-in-elsewhere = Type the access token that you were given.
sign-in-unreadable = The PIN cannot be checked at the moment. Recording is not touched. Call the help desk.
sign-in-wrong = That was not right. Try again, or call the help desk.
sign-in-wait = That was wrong too often. Try again in { $length }, or call the help desk.
sign-in-erase = Delete the last digit
sign-out = Sign out
