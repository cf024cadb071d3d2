# ما يُقال لمن ليسوا في القاعة: إشعارات عبر الويب والبريد، وتقرير الصباح.
#
# $room: اسم القاعة أو رمزها. $what: ما حدث، جملة. $at: وقت. $subject: مصدر أو منصة. $lecture: رمز المحاضرة.
# $count: محاضرات. $left: مدة.

## عطل

notice-fault = { $room }: { $what }
notice-still = { $room }، ما زال قائمًا: { $what }
notice-over = { $room }، انتهى: { $what }
notice-over-line = انتهى هذا الأمر ولم يعد هناك ما يلزم فعله: { $what }
notice-kind = أمر ما في القاعة يحتاج إلى شخص: { $code }.
    .safe = لا تُعرض التفاصيل إلا في القاعة.
    .todo = انظر صفحة المسجّل أو سجلّه.
notice-since = منذ: { $at }.
notice-subject = بخصوص: { $subject }.
notice-lecture = المحاضرة الجارية: { $lecture }.
notice-from = ‏Lectern، القاعة { $room }، { $at }.

## تجربة

notice-test = { $room }: تجربة
notice-test-line = سأل أحدهم هل تصل الإشعارات إلى هنا. إنها تصل، ولا يلزم فعل شيء.
notice-taken = قُبل الإشعار التجريبي.
notice-reached = إنه يجيب. ولمعرفة هل يقبل الإشعارات: lectern notify --test.
notice-leaving = تعذّر السؤال: المسجّل يتوقف.

## تقرير الصباح

report-title = { $room }، أمس: سُجّل { $recorded }، أُرسل { $sent }
report-recorded = سُجّل أمس: { $count }
report-sent = أُرسل منها: { $count }
report-stuck = تحتاج إلى شخص قبل إكمالها أو إرسالها: { $count }
report-silent = بلا أي صوت لبعض الوقت: { $count }
report-missed = كان مخططًا ولم يُسجّل: { $count }
report-crashes = مرات التشغيل بعد تعطل أو انقطاع الكهرباء: { $count }
report-disk = يتسع القرص لمدة: { $left }
report-next = المحاضرة التالية: { $at }
report-no-next = المحاضرة التالية: لا شيء مخطط
report-well = لا شيء يحتاج إلى شخص.
report-troubles = ما يلي يحتاج إلى شخص:
