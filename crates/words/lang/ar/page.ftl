# The page at the podium.

## State words: at most twelve letters, read at three metres.

state-ready = جاهز
state-starting = يبدأ الآن
state-recording = قيد التسجيل
state-paused = إيقاف مؤقت
state-saved = تم الحفظ
state-fault = عطل
state-self-test = فحص ذاتي

## The sentence under the state word. $about is a title or a course, $at and $since are moments.

sentence-ready = اضغط «تسجيل» عندما تبدأ.
sentence-ready-next = اضغط «تسجيل» أو انتظر: المحاضرة التالية تبدأ تلقائيًا.
sentence-self-test = يجري التجريب. اضغط «تسجيل» متى شئت.
sentence-cancelled = لن تُسجَّل المحاضرة المقررة.
sentence-countdown = تبدأ تلقائيًا الساعة { $at }: { $about }
sentence-starting = لحظة من فضلك: المصادر قيد التشغيل.
sentence-waiting = في انتظار الصورة والصوت.
sentence-recording = يُحفظ هنا: { $sources }.
sentence-ends-soon = ينتهي تلقائيًا الساعة { $at }. للمتابعة اضغط «{ $button }».
sentence-paused = لا يُسجَّل شيء الآن. تحدّث بحرية.
sentence-paused-long = ما زال متوقفًا منذ { $since }. اضغط «{ $button }» عند متابعة المحاضرة.
sentence-saved = { $has ->
        [both] حُفظت هنا: { $length }، { $size }، بالصورة والصوت.
        [picture] حُفظت هنا: { $length }، { $size }، بالصورة دون صوت.
        [sound] حُفظت هنا: { $length }، { $size }، بالصوت دون صورة.
       *[nothing] توقف التسجيل. لم تُسجَّل صورة ولا صوت.
    }
sentence-fault = لا يمكن التسجيل الآن.
sentence-undo-ends = ستنتهي قريبًا مهلة التراجع عن الإنهاء.
sentence-undo-ends-more = ستنتهي قريبًا مهلة التراجع عن الإنهاء. لتمديدها اضغط «{ $button }».

## Under the clock.

side-ends = ينتهي { $at }
side-paused-for = مدة التوقف

## Buttons: one or two short words.

button-start = تسجيل
button-again = تسجيل جديد
button-pause = إيقاف مؤقت
button-resume = متابعة
button-stop = إنهاء
button-undo = تراجع عن الإنهاء
button-more-time = وقت إضافي
button-mark = علامة
button-extend = { $by } دقائق
button-begin = ابدأ الآن
button-begin-early = ابدأ مبكرًا
button-cancel = ليس اليوم
button-restore = سجّلها رغم ذلك
button-save = حفظ
button-close = إغلاق

## What is said of a press.

said-marked = وُضعت علامة عند { $at }.
said-extended = { $minutes } دقائق إضافية.
said-link-lost = فقدت هذه الصفحة الاتصال بالمسجّل ولم تعد محدَّثة. التسجيل مستمر بدونها، وهي تعيد المحاولة تلقائيًا.

## What is said about a lecture.

field-title = العنوان
field-course = المقرر
field-presenter = المحاضر
field-language = اللغة
field-needed = { $field } (مطلوب)

## Names of the page’s parts, for those who hear it.

label-languages = لغة هذه الصفحة
label-about = عن المحاضرة
label-actions = التسجيل
label-pictures = الصورة المباشرة
label-sound = الصوت
label-facts = المساحة والإرسال
label-lectures = آخر المحاضرات
label-messages = الرسائل
label-mend = تصحيح

## What a source says of itself. A picture has room for two short lines.

note-starting = قيد التشغيل…
note-no-sound = لا يصل أي صوت.
note-no-picture = لا تصل أي صورة.
note-trying = تُعاد المحاولة…
note-call = اطلب المساعدة.
note-ended = متوقف.
note-not-recorded = لا يُسجَّل
note-why = { $reason ->
        [not-found] غير موصول.
        [denied] الوصول مرفوض.
        [busy] يستخدمه برنامج آخر.
        [lost] انقطع. هل الكابل موصول؟
        [unsupported] لا يستطيع تنفيذ المطلوب.
        [config] إعداداته خاطئة.
        [stalled] لا يصل شيء.
        [swapped] جهاز آخر في مكانه.
       *[failed] تعطّل.
    }
note-standing-in = يحل محل: { $source }
note-spare = احتياطي لـ: { $source }

## Whether the microphone hears anybody.

hearing-listening = نصغي…
hearing-heard = نسمعك
hearing-quiet = لا نسمعك. هل الميكروفون قريب؟
hearing-test = هدوء الآن. قل بضع كلمات للتجربة.
hearing-off = الميكروفون مطفأ

## Space, uploads and the next lecture. $n is a number, $at a moment.

fact-space = المساحة المتبقية
fact-space-none = لا يوجد
fact-uploads = الإرسال
fact-next = التالية
fact-next-none = لا شيء مقرر
next-line = { $at } · { $about }
uploads-none = أُرسلت كل المحاضرات
uploads-waiting = { $n ->
         [one] محاضرة واحدة تنتظر الإرسال
         [two] محاضرتان تنتظران الإرسال
         [few] { $n } محاضرات تنتظر الإرسال
        *[other] { $n } محاضرة تنتظر الإرسال
    }
uploads-sending = إرسال { $about }: { $percent }٪
uploads-more = { $n ->
         [one] وأخرى تنتظر
         [two] واثنتان تنتظران
         [few] و{ $n } أخرى تنتظر
        *[other] و{ $n } أخرى تنتظر
    }
uploads-from = تُرسل الساعة { $at }
uploads-held = تُرسل حين يُسمح بالإرسال
uploads-nights = { $n ->
         [one] يكتمل الإرسال في ليلة تقريبًا
         [two] يكتمل الإرسال في ليلتين تقريبًا
         [few] يكتمل الإرسال في { $n } ليالٍ تقريبًا
        *[other] يكتمل الإرسال في { $n } ليلة تقريبًا
    }
uploads-parked = { $n ->
         [one] عملية إرسال واحدة تحتاج إلى مساعدة
         [two] عمليتا إرسال تحتاجان إلى مساعدة
         [few] { $n } عمليات إرسال تحتاج إلى مساعدة
        *[other] { $n } عملية إرسال تحتاج إلى مساعدة
    }
uploads-preparing = { $n ->
         [one] محاضرة واحدة قيد التجهيز
         [two] محاضرتان قيد التجهيز
         [few] { $n } محاضرات قيد التجهيز
        *[other] { $n } محاضرة قيد التجهيز
    }
messages-more = { $n ->
         [one] ورسالة أخرى
         [two] ورسالتان أخريان
         [few] و{ $n } رسائل أخرى
        *[other] و{ $n } رسالة أخرى
    }
space-length = { $length }
source-list = { $sources }
lecture-at = { $at }

## What became of the last lectures.

lectures-none = لم يُسجَّل شيء هنا بعد.
lecture-untitled = بلا عنوان
fate-scheduled = مقررة
fate-starting = تبدأ
fate-recording = قيد التسجيل
fate-paused = متوقفة مؤقتًا
fate-interrupted = انقطعت
fate-preparing = قيد التجهيز
fate-saved = محفوظة هنا
fate-sending = قيد الإرسال
fate-sent = أُرسلت
fate-failed = تحتاج إلى مساعدة
fate-cancelled = أُلغيت

## Where the PIN or a token is given.

sign-in = تسجيل الدخول
sign-in-pin = رمز PIN
sign-in-token = رمز الوصول
sign-in-podium = أدخل رمز PIN الخاص بهذه القاعة. المحاضرة التي يجري تسجيلها تستمر.
sign-in-elsewhere = أدخل رمز الوصول الذي أُعطي لك.
sign-in-unreadable = لا يمكن التحقق من رمز PIN الآن. التسجيل لم يتأثر. اتصل بالدعم الفني.
sign-in-wrong = هذا غير صحيح. حاول مرة أخرى أو اتصل بالدعم الفني.
sign-in-wait = محاولات خاطئة كثيرة. حاول مرة أخرى بعد { $length } أو اتصل بالدعم الفني.
sign-in-erase = حذف الرقم الأخير
sign-out = تسجيل الخروج
