"""The sentences of explanations, English and Persian side by side."""

from __future__ import annotations

SENTENCES = {
    "head": (
        "{kind} {id} of member {member}, {date}, under program {program}, version {version}.",
        "{kind} {id} از عضو {member} در {date}، با برنامهٔ {program}، نسخهٔ {version}.",
    ),
    "head.card": (
        "{kind} {id} of the card {member}, {date}, under program {program}, version {version}.",
        "{kind} {id} از کارت {member} در {date}، با برنامهٔ {program}، نسخهٔ {version}.",
    ),
    "head.control": ("{kind} {id}, {date}.", "{kind} {id}، {date}."),
    "refused": ("It was refused: {reason}.", "پذیرفته نشد: {reason}."),
    "parked": (
        "It waits for the sale {sale}, which has not arrived.",
        "چشم به راه فروش {sale} است که هنوز نرسیده.",
    ),
    "lacked": (
        "{lacked} {currency} were missing: {active} were active.",
        "{lacked} {currency} کم بود: {active} قابل خرج بود.",
    ),
    "short": (
        "With it the fact {id}, which comes later, would lack points.",
        "اگر پذیرفته می‌شد، رویداد {id} که پس از آن است امتیاز کم می‌آورد.",
    ),
    "tier.before": ("The member's tier before it: {tier}.", "سطح عضو پیش از آن: {tier}."),
    "line.counts": (
        "Line {line}, {sku}: {quantity} for {net}; {eligible} of it count.",
        "سطر {line}، {sku}: {quantity} به {net}؛ {eligible} به حساب می‌آید.",
    ),
    "line.redeemed": (
        "Line {line}, {sku}: {quantity} for {net}; {eligible} of it count, {redeemed} are paid "
        "with loyalty value.",
        "سطر {line}، {sku}: {quantity} به {net}؛ {eligible} به حساب می‌آید، {redeemed} با ارزش "
        "باشگاه پرداخت شده است.",
    ),
    "line.excluded": (
        "Line {line}, {sku}: {quantity} for {net}; the program leaves it out.",
        "سطر {line}، {sku}: {quantity} به {net}؛ برنامه آن را کنار می‌گذارد.",
    ),
    "line.void": ("Line {line}, {sku}, is void.", "سطر {line}، {sku}، باطل است."),
    "line.gone": (
        "Line {line}, {sku}, has come back whole.", "سطر {line}، {sku}، همه برگشته است."
    ),
    "earn": (
        "Rule {rule} gives {granted} {currency}: {basis}, {rate}, comes to exactly "
        "{exact}{rounded}.",
        "قاعدهٔ {rule} {granted} {currency} می‌دهد: {basis}، {rate}، درست {exact} "
        "می‌شود{rounded}.",
    ),
    "multiply": (
        "Rule {rule} gives {granted} {currency}: times {factor}, {basis} grow by exactly "
        "{exact}{rounded}.",
        "قاعدهٔ {rule} {granted} {currency} می‌دهد: با ضریب {factor}، بر {basis} درست {exact} "
        "افزوده می‌شود{rounded}.",
    ),
    "bonus": (
        "Rule {rule} gives {granted} {currency}, a fixed bonus.",
        "قاعدهٔ {rule} {granted} {currency} می‌دهد: پاداش ثابت.",
    ),
    "bonus.units": (
        "Rule {rule} gives {granted} {currency}: {basis} units bought and {carried} carried, "
        "{points} for every {per}.",
        "قاعدهٔ {rule} {granted} {currency} می‌دهد: {basis} واحد خریده شده و {carried} از پیش "
        "مانده، برای هر {per} واحد {points}.",
    ),
    "bonus.balance": (
        "Rule {rule} gives {granted} {currency}: times {factor}, a balance of {basis} grows by "
        "exactly {exact}{rounded}, at most {cap}.",
        "قاعدهٔ {rule} {granted} {currency} می‌دهد: با ضریب {factor}، بر ماندهٔ {basis} درست "
        "{exact} افزوده می‌شود{rounded}، حداکثر {cap}.",
    ),
    "rounded": (", {how} to {desired}", "، که {how}: {desired}"),
    "rate": ("{points} for every {per}", "{points} برای هر {per}"),
    "rate.blocks": (
        "{points} for every whole {per}", "{points} برای هر {per} کامل"
    ),
    "rate.bands": ("by its bands", "به حساب پله‌ها"),
    "cut": (
        "It would have been {desired}; {limit}.", "می‌شد {desired}؛ {limit}.",
    ),
    "limit": (
        "the limit of {most} {period} left room for {room}",
        "سقف {most} در {period} جای {room} می‌گذاشت",
    ),
    "limit.cap": (
        "the program's limit of {most} {period} left room for {room}",
        "سقف برنامه، {most} در {period}، جای {room} می‌گذاشت",
    ),
    "limit.uses": ("its uses are used up ({most})", "دفعات مجاز آن تمام شده است ({most})"),
    "limit.budget": ("its budget of {most} is used up", "بودجهٔ {most} آن تمام شده است"),
    "limit.once": ("it is given once", "یک بار داده می‌شود"),
    "limit.group": ("rule {by} of its group is given", "قاعدهٔ {by} از گروه آن داده می‌شود"),
    "limit.full": ("the limit of {most} {period} is full", "سقف {most} در {period} پر است"),
    "rounds to nothing": (
        "Rule {rule} gives nothing: exactly {exact} {currency}, {how} to 0.",
        "قاعدهٔ {rule} چیزی نمی‌دهد: درست {exact} {currency}، که {how}: ۰.",
    ),
    "nothing to act on": (
        "Rule {rule} applies, and there is nothing for it to act on.",
        "قاعدهٔ {rule} شامل می‌شود، ولی چیزی نیست که بر آن اثر کند.",
    ),
    "offer": ("Offer {rule} took {amount} off.", "پیشنهاد {rule} {amount} کم کرد."),
    "offer.uses": (
        "It had happened: offer {rule} had not so much left.",
        "رخ داده بود: از پیشنهاد {rule} این اندازه نمانده بود.",
    ),
    "offer.offer": (
        "It had happened: offer {rule} did not apply to the basket.",
        "رخ داده بود: پیشنهاد {rule} شامل این سبد نمی‌شد.",
    ),
    "code": (
        "The code {code} served, of the coupon {coupon}.",
        "کد {code} از کوپن {coupon} به کار آمد.",
    ),
    "code.not": ("The code {code} did not serve: {reason}.", "کد {code} به کار نیامد: {reason}."),
    "offer.open": ("Offer {rule} might have been had.", "پیشنهاد {rule} در دسترس بود."),
    "failed": (
        "Rule {rule} does not apply: it asks for {condition}{asked}; found: {found}.",
        "قاعدهٔ {rule} شامل نمی‌شود: «{condition}{asked}» می‌خواهد؛ آنچه بود: {found}.",
    ),
    "failed.not": (
        "Rule {rule} does not apply: it leaves out {condition}{asked}; found: {found}.",
        "قاعدهٔ {rule} شامل نمی‌شود: «{condition}{asked}» را کنار می‌گذارد؛ آنچه بود: {found}.",
    ),
    "failed.draw": (
        "Rule {rule} does not apply: it drew {found} of {asked}, and 0 wins.",
        "قاعدهٔ {rule} شامل نمی‌شود: از {asked} شمارهٔ {found} درآمد و ۰ برنده است.",
    ),
    "failed.not.draw": (
        "Rule {rule} does not apply: it drew 0 of {asked}, and leaves out what wins.",
        "قاعدهٔ {rule} شامل نمی‌شود: از {asked} شمارهٔ ۰ درآمد و برنده را کنار می‌گذارد.",
    ),
    "failed.referred": (
        "Rule {rule} does not apply: nobody has referred the member.",
        "قاعدهٔ {rule} شامل نمی‌شود: کسی عضو را معرفی نکرده است.",
    ),
    "failed.entry": (
        "Rule {rule} does not apply: the club is closed and asks for {asked}; so far {found}.",
        "قاعدهٔ {rule} شامل نمی‌شود: باشگاه بسته است و برای ورود {asked} می‌خواهد؛ تاکنون {found}.",
    ),
    "failed.figure": (
        "Rule {rule} does not apply: it has figures for {asked}, and the tier is {found}.",
        "قاعدهٔ {rule} شامل نمی‌شود: برای {asked} رقم دارد و سطح عضو {found} است.",
    ),
    "failed.eligible": (
        "Rule {rule} does not apply: nothing that earns was bought.",
        "قاعدهٔ {rule} شامل نمی‌شود: چیزی که امتیاز داشته باشد خریده نشده است.",
    ),
    "failed.budget": (
        "Rule {rule} does not apply: its budget of {asked} is closed.",
        "قاعدهٔ {rule} شامل نمی‌شود: بودجهٔ {asked} آن بسته شده است.",
    ),
    "taken": (
        "Line {line} does not count for it: it counts for rule {by}.",
        "سطر {line} برای آن به حساب نمی‌آید: برای قاعدهٔ {by} به حساب می‌آید.",
    ),
    "lot": (
        "Lot of {points} {currency}: active from {active_from}, good through {good_through}.",
        "بستهٔ {points} {currency}: از {active_from} قابل خرج، تا پایان {good_through} معتبر.",
    ),
    "lot.never": (
        "Lot of {points} {currency}: active from {active_from}, it does not expire.",
        "بستهٔ {points} {currency}: از {active_from} قابل خرج، بی‌انقضا.",
    ),
    "lot.unpaid": (
        "Lot of {points} {currency}: it waits for the money of the sale.",
        "بستهٔ {points} {currency}: تا رسیدن پول فروش در انتظار می‌ماند.",
    ),
    "lot.less": (
        "Of it {left} are left: the rest paid debt, or had expired by then.",
        "{left} از آن مانده است: بقیه بدهی را پرداخت، یا تا آن هنگام منقضی شده بود.",
    ),
    "lot.along": (
        "{left} {currency} of a lot come along: active from {active_from}, good through "
        "{good_through}.",
        "{left} {currency} از یک بسته همراه می‌آید: از {active_from} قابل خرج، تا پایان "
        "{good_through} معتبر.",
    ),
    "lot.along.never": (
        "{left} {currency} of a lot come along: active from {active_from}, they do not expire.",
        "{left} {currency} از یک بسته همراه می‌آید: از {active_from} قابل خرج، بی‌انقضا.",
    ),
    "lot.along.unpaid": (
        "{left} {currency} of a lot come along: they wait for the money of their sale.",
        "{left} {currency} از یک بسته همراه می‌آید: تا رسیدن پول فروش در انتظار می‌ماند.",
    ),
    "moved": (
        "{points} {currency} in the lot earned on {earned}.",
        "{points} {currency} در بستهٔ به‌دست‌آمده در {earned}.",
    ),
    "expired": (
        "{points} {currency} of the lot earned on {earned} expired.",
        "{points} {currency} از بستهٔ به‌دست‌آمده در {earned} منقضی شد.",
    ),
    "posting": ("{points} {currency}: {what}.", "{points} {currency}: {what}."),
    "posting.rule": (
        "{points} {currency} of rule {rule}: {what}.",
        "{points} {currency} از قاعدهٔ {rule}: {what}.",
    ),
    "broken": (
        "It had happened, and did not keep: {terms}.", "رخ داده بود و رعایت نکرد: {terms}."
    ),
    "redeemable": (
        "The tender {tender} would have taken up to {points} points.",
        "با روش پرداخت {tender} تا {points} امتیاز خرج‌شدنی بود.",
    ),
    "waits": (
        "Of them {points} {currency} wait until the sale is paid.",
        "{points} {currency} از آن تا پرداخت پول فروش در انتظار می‌ماند.",
    ),
    "paid": (
        "It pays {amount} for the sale {sale}: {before} was owed before, {owed} is now.",
        "{amount} بابت فروش {sale} می‌پردازد: پیش از آن {before} مانده بود، اکنون {owed}.",
    ),
    "back": ("It brings back lines of the sale {sale}.", "سطرهایی از فروش {sale} را برمی‌گرداند."),
    "back.line": (
        "Of line {line}, {sku}, {quantity} for {net} is left.",
        "از سطر {line}، {sku}، {quantity} به {net} مانده است.",
    ),
    "back.rule": (
        "Rule {rule} gave {before} {currency}; for what is left it gives {now}.",
        "قاعدهٔ {rule} {before} {currency} داده بود؛ برای آنچه مانده {now} می‌دهد.",
    ),
    "balance": (
        "{currency}: {before} active before it, {after} after.",
        "{currency}: پیش از آن {before} قابل خرج، پس از آن {after}.",
    ),
    "balance.more": (
        "{currency}, {what}: {before} before it, {after} after.",
        "{currency}، {what}: پیش از آن {before}، پس از آن {after}.",
    ),
    "pending": ("pending", "در انتظار"),
    "held": ("held", "کنارگذاشته"),
    "debt": ("debt", "بدهی"),
    "tier.rises": (
        "The tier goes from {before} to {after}.", "سطح از {before} به {after} می‌رود."
    ),
    "tier.stays": ("The tier stays {after}.", "سطح همان {after} است."),
    "tier.met": (
        "{tier} is met on {on} and good through {through}.",
        "شرط {tier} در {on} برآورده است و تا پایان {through} می‌ماند.",
    ),
    "tier.met.ever": (
        "{tier} is met on {on} for ever.", "شرط {tier} در {on} برای همیشه برآورده است."
    ),
    "tier.fell": ("{tier}, met on {on}, falls.", "سطح {tier} که در {on} برآورده شده بود می‌افتد."),
    "tier.next": ("To {tier} are missing: {missing}.", "تا {tier} کم است: {missing}."),
    "none": ("none", "هیچ"),
    "correction": (
        "Corrected later by {by}: {points} {currency}{rule}.",
        "بعدتر با {by} اصلاح شد: {points} {currency}{rule}.",
    ),
    "correction.rule": (" of rule {rule}", " از قاعدهٔ {rule}"),
    "moved lines": (
        "Later facts have moved points of it from one posting to another; the sums are the same.",
        "رویدادهای بعدی امتیازهای آن را از ثبتی به ثبتی دیگر برده‌اند؛ جمع‌ها همان است.",
    ),
    "differs": (
        "THE LEDGER DOES NOT AGREE: {what}{rule}: explained {explained}, journalled {journalled}.",
        "ثبت دفتر با این حساب نمی‌خواند: {what}{rule}: حساب {explained}، دفتر {journalled}.",
    ),
    "agrees": (
        "The postings of the ledger agree with this to the point.",
        "ثبت‌های دفتر تا آخرین امتیاز با این حساب می‌خواند.",
    ),
    "along": (
        "What the other had comes along; nothing is posted for it.",
        "آنچه دیگری داشت همراه می‌آید؛ برای آن چیزی ثبت نمی‌شود.",
    ),
    "cut short": (
        "It asked for {asked} {currency}; {taken} were to be had.",
        "{asked} {currency} خواست؛ {taken} گرفتنی بود.",
    ),
    "reward": ("{quantity} of the reward {reward}.", "{quantity} عدد از جایزهٔ {reward}."),
    "nothing": ("It moved no points.", "امتیازی جابه‌جا نکرد."),
    "control.members": (
        "It has rows of {members} accounts, with {corrections} corrections.",
        "برای {members} حساب ردیف دارد، با {corrections} اصلاح.",
    ),
    "control.nobody": ("It changed nobody's points.", "امتیاز کسی را تغییر نداد."),
    "control.budget": (
        "The budget of rule {rule} closed with it.", "بودجهٔ قاعدهٔ {rule} با آن بسته شد."
    ),
    "units": ("{figure} units", "{figure} واحد"),
    "unit": ("{figure} unit", "{figure} واحد"),
    "points": ("{figure} points", "{figure} امتیاز"),
    "visits": ("{figure} visit", "{figure} خرید"),
    "uses": ("{count} in {period}", "{count} بار در {period}"),
    "uses.lifetime": ("{count} ever", "{count} بار در همهٔ عمر عضویت"),
    "of basis": ("{figure} of {basis}", "{figure} {basis}"),
}
