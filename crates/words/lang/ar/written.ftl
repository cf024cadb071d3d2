# How lengths, moments, sizes and sources are written.

length-seconds = { $n ->
     [one] ثانية واحدة
     [two] ثانيتان
     [few] { $n } ثوانٍ
    *[other] { $n } ثانية
}
length-minutes = { $n ->
     [one] دقيقة واحدة
     [two] دقيقتان
     [few] { $n } دقائق
    *[other] { $n } دقيقة
}
length-hours = { $n ->
     [one] ساعة واحدة
     [two] ساعتان
     [few] { $n } ساعات
    *[other] { $n } ساعة
}
size-kb = { $n } كيلوبايت
size-mb = { $n } ميغابايت
size-gb = { $n } غيغابايت

# The last comma of a list is this word.
list-and = { $most } و{ $last }
list-comma = {"، "}
moment-other-day = { $day } { $month ->
     [1] يناير
     [2] فبراير
     [3] مارس
     [4] أبريل
     [5] مايو
     [6] يونيو
     [7] يوليو
     [8] أغسطس
     [9] سبتمبر
     [10] أكتوبر
     [11] نوفمبر
    *[other] ديسمبر
}، { $time }

# Sources with these names are called so; others keep the name that they were given.
source-camera = الكاميرا
source-screen = الشاشة
source-slides = الشرائح
source-microphone = الميكروفون
source-board = السبورة
source-podium = المنبر
source-ceiling = السقف
