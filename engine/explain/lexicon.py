"""The words inside the sentences of explanations, English and Persian side by side."""

from __future__ import annotations

KINDS = {
    "sale": ("Sale", "فروش"),
    "return": ("Return", "مرجوعی"),
    "activity": ("Activity", "فعالیت"),
    "adjust": ("Adjustment", "اصلاح دستی"),
    "redeem": ("Redemption", "خرج امتیاز"),
    "hold": ("Hold", "کنار گذاشتن امتیاز"),
    "capture": ("Capture", "برداشت از امتیاز کنارگذاشته"),
    "release": ("Release", "آزاد کردن امتیاز"),
    "cancel": ("Cancellation", "لغو خرج امتیاز"),
    "transfer": ("Transfer", "انتقال امتیاز"),
    "transfer in": ("Transfer received", "دریافت امتیاز"),
    "profit share": ("Profit share", "تقسیم سود"),
    "reward stock": ("Stock of a reward", "موجودی جایزه"),
    "coupon issue": ("Issue of coupon codes", "صدور کد کوپن"),
    "coupon block": ("Blocking of coupon codes", "مسدود کردن کد کوپن"),
    "coupon redeem": ("Use of a coupon code", "به کار بردن کد کوپن"),
    "profit share in": ("Share of a pool", "سهم از سود"),
    "donate": ("Donation", "بخشیدن به امر خیر"),
    "gift card issue": ("Issue of a gift card", "صدور کارت هدیه"),
    "gift card load": ("Loading of a gift card", "شارژ کارت هدیه"),
    "gift card redeem": ("Redemption of a gift card", "خرج کارت هدیه"),
    "gift card cancel": ("Cancel of a gift card's redemption", "لغو خرج کارت هدیه"),
    "gift card payment": ("Payment by gift card", "پرداخت با کارت هدیه"),
    "gift card fund": ("Own money put on a gift card", "ریختن اعتبار روی کارت هدیه"),
    "gift card pin": ("PIN of a gift card", "رمز کارت هدیه"),
    "gift card refund": ("Refund to a gift card", "بازگشت پول به کارت هدیه"),
    "reward redeem": ("Redemption of a reward", "گرفتن جایزه"),
    "card link": ("Card link", "پیوند کارت"),
    "card block": ("Card block", "مسدود کردن کارت"),
    "card pin": ("PIN of a card", "رمز کارت"),
    "erase": ("Erasure", "پاک کردن داده‌های شخصی"),
    "card unblock": ("Card unblock", "باز کردن کارت"),
    "payment": ("Payment", "دریافت وجه"),
    "claim": ("Claim", "خواستن فروش"),
    "referral in": ("Points for a referral", "امتیاز معرفی"),
    "claim cancel": ("Cancel of a claim", "پس گرفتن خواستن فروش"),
    "enrol": ("Enrolment", "عضویت"),
    "member update": ("Member update", "تغییر مشخصات عضو"),
    "merge": ("Merge", "ادغام عضو"),
    "unmerge": ("Undoing of a merge", "واگردانی ادغام"),
    "pool": ("Joining a household", "پیوستن به خانوار"),
    "unpool": ("Leaving a household", "جدایی از خانوار"),
    "close": ("Leaving", "ترک باشگاه"),
    "subscription start": ("Subscription start", "آغاز اشتراک"),
    "subscription end": ("Subscription end", "پایان اشتراک"),
    "day closed": ("Closing of a day", "بستن روز"),
    "catalog": ("Catalogue", "فهرست کالا"),
    "store": ("Stores", "مشخصات فروشگاه‌ها"),
    "program publish": ("Publication of a program", "انتشار برنامه"),
}
"""Kinds of facts; one that is not here is named as on the wire."""

REASONS = {
    "overflow": ("a figure does not fit", "یکی از رقم‌ها از اندازه بیرون است"),
    "insufficient-points": ("there are not enough points", "امتیاز کافی نیست"),
    "not-spendable": ("its currency cannot be spent", "این نوع امتیاز خرج‌کردنی نیست"),
    "no-such-line": ("the sale has no such line", "فروش چنین سطری ندارد"),
    "returns-too-much": (
        "more comes back than was sold", "بیش از آنچه فروخته شده برگردانده می‌شود"
    ),
    "points-spent": (
        "the points to be taken back are spent", "امتیازی که باید پس گرفته شود خرج شده است"
    ),
    "not-a-sale": ("it names no sale", "آنچه نام می‌برد فروش نیست"),
    "wrong-member": ("the sale is another member's", "فروش از عضو دیگری است"),
    "unknown-currency": ("the program has no such currency", "برنامه چنین امتیازی ندارد"),
    "unknown-tier": ("the program has no such tier", "برنامه چنین سطحی ندارد"),
    "day-out-of-order": ("days close in order", "روزها به ترتیب بسته می‌شوند"),
    "below-minimum": ("it is below the minimum", "از کمترین اندازه کمتر است"),
    "not-a-multiple": ("it is no multiple of the step", "مضرب گام نیست"),
    "above-maximum": ("it is above the maximum", "از بیشترین اندازه بیشتر است"),
    "basket-too-small": (
        "the basket is too small for points to pay", "سبد برای پرداخت با امتیاز کوچک است"
    ),
    "over-share": (
        "it pays more than its share of the basket", "بیش از سهم مجاز سبد را می‌پردازد"
    ),
    "over-worth": (
        "it pays more money than its points are worth", "بیش از ارزش امتیازها می‌پردازد"
    ),
    "unknown-hold": (
        "it names no hold or redemption", "آنچه نام می‌برد نه امتیاز کنارگذاشته است نه خرج‌شده"
    ),
    "hold-ended": ("the hold is over", "مهلت امتیاز کنارگذاشته به سر آمده است"),
    "hold-used": ("a sale was paid with it already", "فروش دیگری با آن پرداخت شده است"),
    "not-a-redemption": ("it names no redemption", "آنچه نام می‌برد خرج امتیاز نیست"),
    "already-cancelled": ("its points are back already", "امتیازهایش پیش‌تر برگشته است"),
    "more-than-held": ("it asks for more than is left", "بیش از آنچه مانده می‌خواهد"),
    "unknown-member": ("there is no such other member", "عضو دیگری با این نام نیست"),
    "unknown-cause": (
        "the program takes nothing for that cause", "برنامه برای آن امر خیر چیزی نمی‌پذیرد"
    ),
    "offer-not-applicable": (
        "an offer that it names does not apply", "پیشنهادی که نام برده شد شامل آن نمی‌شود"
    ),
    "offer-used-up": (
        "an offer that it names is used up", "از پیشنهادی که نام برده شد سهمی نمانده است"
    ),
    "self-referral": ("a member cannot refer itself", "هیچ عضوی معرف خودش نیست"),
    "already-referred": ("the member was referred before", "عضو را پیش‌تر کسی معرفی کرده است"),
    "referral-circle": (
        "the referrer was referred by the member", "معرف را سرانجام همین عضو معرفی کرده است"
    ),
    "sale-has-member": ("the sale was another's at the till", "فروش هنگام خرید عضو داشته است"),
    "already-claimed": ("a claim of the sale stands", "فروش را عضوی از آنِ خود کرده است"),
    "claim-window-over": ("the days to claim the sale are over", "مهلت خواستن فروش گذشته است"),
    "member-closed": ("the member has left", "عضو از باشگاه رفته است"),
    "unknown-merge": ("it names no merge", "آنچه نام می‌برد ادغام نیست"),
    "same-member": ("both are one member", "هر دو یک عضوند"),
    "already-merged": (
        "the other was merged into a member before", "عضو دیگر پیش‌تر در عضوی ادغام شده است"
    ),
    "already-undone": ("the merge is undone already", "ادغام پیش‌تر واگردانده شده است"),
    "member-pooled": (
        "the member pools in a household", "عضو در حساب خانوار شریک است"
    ),
    "not-pooled": (
        "the member does not pool in that account", "عضو در آن حساب شریک نیست"
    ),
    "not-a-household": (
        "the account is no household and no organisation", "حساب از آن خانوار یا سازمان نیست"
    ),
    "entangled": (
        "a sale would belong to two accounts", "فروشی از آن دو حساب می‌شد"
    ),
    "gift-card-known": ("there is such a gift card already", "چنین کارت هدیه‌ای هست"),
    "unknown-gift-card": ("there is no such gift card", "چنین کارت هدیه‌ای نیست"),
    "unknown-reward": ("the program has no such reward", "برنامه چنین جایزه‌ای ندارد"),
    "out-of-stock": ("so many are not left", "به این تعداد نمانده است"),
    "over-limit": ("it is more than a member may have", "بیش از سهم هر عضو است"),
    "unknown-coupon": ("there is no such coupon code", "چنین کد کوپنی نیست"),
    "coupon-used": ("the coupon code is used up", "کد کوپن به کار رفته است"),
    "coupon-blocked": ("the coupon code is blocked", "کد کوپن مسدود است"),
    "coupon-early": ("the coupon is not good yet", "مهلت کوپن هنوز آغاز نشده است"),
    "coupon-over": ("the coupon is good no more", "مهلت کوپن گذشته است"),
    "coupon-not-applicable": (
        "the coupon is not for such a sale", "کوپن برای چنین خریدی نیست"
    ),
    "card-blocked": ("the card is blocked", "کارت مسدود است"),
    "card-linked": ("the card is another member's", "کارت از عضو دیگری است"),
}
"""Refusals; one that is not here is told by its slug."""

CARD_REASONS = {
    "insufficient-points": (
        "there is not enough money on a gift card", "پول کارت هدیه کافی نیست"
    ),
}
"""Refusals for a gift card, where they are told in other words."""

CANCEL_REASONS = {
    "not-a-multiple": (
        "the points are not those of whole pieces", "امتیاز از آنِ شمار درستی از جایزه نیست"
    ),
}
"""Refusals of a cancel, where they are told in other words."""

CONDITIONS = {
    "store": ("the store", "فروشگاه"),
    "region": ("the region", "منطقه"),
    "format": ("the format of the store", "نوع فروشگاه"),
    "channel": ("the channel", "کانال"),
    "terminal": ("the terminal", "پایانه"),
    "tender": ("a tender", "روش پرداخت"),
    "coupon": ("a coupon", "کوپن"),
    "weekday": ("the day of the week", "روز هفته"),
    "date": ("the date", "تاریخ"),
    "time": ("the time of day", "ساعت"),
    "holiday": ("a holiday", "تعطیلی"),
    "without": ("no line", "نبودن سطری"),
    "min_amount": ("at least an amount", "کمترین مبلغ"),
    "min_quantity": ("at least a quantity", "کمترین مقدار"),
    "min_basket": ("a basket of at least", "کمترین مبلغ سبد"),
    "tier": ("the tier", "سطح"),
    "tier_at_least": ("at least the tier", "دست‌کم سطح"),
    "segment": ("the segment", "دستهٔ مشتری"),
    "member_type": ("the type of member", "نوع عضو"),
    "subscription": ("the subscription", "اشتراک"),
    "counter": ("the counter", "شمارنده"),
    "age": ("the age", "سن"),
    "member_days": ("days since joining", "روزهای عضویت"),
    "anniversary": ("nearness to an anniversary", "نزدیکی به سالگرد"),
    "first_purchase": ("a first purchase", "نخستین خرید"),
    "nth_purchase": ("the number of the purchase", "شمارهٔ خرید"),
    "every_nth": ("every so many purchases", "هر چند خرید یک بار"),
    "days_since_purchase": (
        "days since the last purchase", "روزهای گذشته از خرید پیشین"
    ),
    "streak": ("a streak of purchases", "خریدهای پیاپی"),
    "sequence": ("the step of a sequence", "گام زنجیره"),
    "draw": ("a draw that is won", "برد در قرعه"),
    "sku": ("the product", "کالا"),
    "brand": ("the brand", "نشان تجاری"),
    "department": ("the department", "بخش"),
    "category": ("the category", "گروه کالا"),
    "supplier": ("the supplier", "تأمین‌کننده"),
    "price_class": ("the price class", "ردهٔ قیمت"),
    "label": ("a label", "برچسب"),
    "on_promotion": ("a promotion", "حراج"),
    "activity": ("the activity", "فعالیت"),
    "on": ("the anniversary", "سالگرد"),
}
"""Conditions by their fields of the program file."""

ROUNDINGS = {
    "floor": ("rounded down", "رو به پایین گرد می‌شود"),
    "ceil": ("rounded up", "رو به بالا گرد می‌شود"),
    "half_up": ("rounded (halves up)", "گرد می‌شود، نیمه رو به بالا"),
    "half_even": ("rounded (halves to even)", "گرد می‌شود، نیمه به زوج"),
    "carry": ("rounded down with what was carried", "با ماندهٔ پیشین رو به پایین گرد می‌شود"),
    "line": ("rounded down line by line", "سطر به سطر رو به پایین گرد می‌شود"),
    "basket": ("rounded with the basket as a whole", "با کل سبد یک‌جا گرد می‌شود"),
}

BASES = {
    "net": ("net", "خالص"),
    "gross": ("gross", "ناخالص"),
    "margin": ("margin", "سود"),
    "tender": ("what these tenders paid", "پرداخت با این روش‌ها"),
    "quantity": ("units", "واحد"),
    "visit": ("visit", "خرید"),
}

LIMITS = {
    "basket": ("a basket", "هر سبد"),
    "day": ("a day", "هر روز"),
    "week": ("a week", "هر هفته"),
    "month": ("a month", "هر ماه"),
    "quarter": ("a quarter", "هر فصل"),
    "half": ("half a year", "هر نیم‌سال"),
    "year": ("a year", "هر سال"),
    "lifetime": ("for ever", "همیشه"),
    "anniversary": ("an anniversary", "هر سالگرد"),
}

TERMS = {
    "minimum": ("the minimum", "کمترین اندازه"),
    "step": ("the step", "گام"),
    "worth": ("the worth of the points", "ارزش امتیاز"),
    "share": ("the share of the basket", "سهم سبد"),
    "maximum": ("the maximum", "بیشترین اندازه"),
    "at_least": ("the least basket", "کمترین سبد"),
}
"""Terms of redemption."""

POSTINGS = {
    "adjust": ("by hand", "به‌دست متصدی"),
    "redeem": ("redeemed", "خرج شد"),
    "restore": ("given back after they were spent", "امتیاز خرج‌شده برگشت"),
    "reverse": ("taken back", "پس گرفته شد"),
    "expire": ("expired", "منقضی شد"),
    "forgive": ("missing and forgiven", "کم بود و بخشیده شد"),
    "withhold": ("missing, to be withheld in money", "کم بود و باید از پول کم شود"),
    "donate": ("passed on to a cause", "به امر خیر رسید"),
    "hold": ("held", "کنار گذاشته شد"),
    "release": ("released", "آزاد شد"),
    "capture": ("captured from a hold", "از امتیاز کنارگذاشته برداشته شد"),
    "accrue": ("waited for money that has come", "در انتظار پولی بود که رسید"),
    "transfer": ("moved between members", "میان اعضا جابه‌جا شد"),
    "stock": ("left in stock", "در انبار مانده"),
    "bonus": ("as a bonus", "پاداش"),
    "referral in": ("for a referral", "برای معرفی"),
    "profit share in": ("the share of a pool", "سهم از سود"),
    "gift card issue": ("put on the card", "روی کارت ریخته شد"),
    "gift card load": ("put on the card", "روی کارت ریخته شد"),
    "gift card fund": ("put on a gift card", "روی کارت هدیه ریخته شد"),
}
"""Kinds of postings of no rule, and of facts whose postings have words of their own; one that is
not here is named as the journal does."""

WEEKDAYS = {
    "monday": ("Monday", "دوشنبه"),
    "tuesday": ("Tuesday", "سه‌شنبه"),
    "wednesday": ("Wednesday", "چهارشنبه"),
    "thursday": ("Thursday", "پنجشنبه"),
    "friday": ("Friday", "جمعه"),
    "saturday": ("Saturday", "شنبه"),
    "sunday": ("Sunday", "یکشنبه"),
}

FIELDS = {
    "from": ("from", "از"),
    "to": ("to", "تا"),
    "at_least": ("at least", "دست‌کم"),
    "at_most": ("at most", "حداکثر"),
    "of": ("of", "از"),
    "before": ("days before", "روز پیش"),
    "after": ("days after", "روز پس"),
    "period": ("every", "هر"),
    "count": ("times", "بار"),
    "step": ("step", "گام"),
    "spend": ("spend", "خرید"),
    "visits": ("visits", "دفعات خرید"),
    "margin": ("margin", "سود"),
    "birthday": ("birthday", "زادروز"),
    "joining": ("joining", "سالگرد عضویت"),
}
"""Words inside values: fields of conditions, metrics, anniversaries."""
