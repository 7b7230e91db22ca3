// English: libpq's words untranslated, since some of its failures are told apart by them alone.
#pragma once

#include <locale.h>

namespace pg::libpq {

/// The locale of whoever made it, but for the language of messages. Where there is none to be had, nothing changes.
class English {
public:
    English() noexcept : locale_(make()) {}
    English(const English&) = delete;
    English& operator=(const English&) = delete;
    ~English() {
        if (locale_ != locale_t{}) ::freelocale(locale_);
    }

    /// Calls `function` on this thread in that language, which must not wait on a fiber.
    template <class F>
    auto speak(F function) const {
        const Speaking now(locale_);
        return function();
    }

private:
    struct Speaking {
        explicit Speaking(locale_t locale) noexcept : before(::uselocale(locale)) {}
        Speaking(const Speaking&) = delete;
        Speaking& operator=(const Speaking&) = delete;
        ~Speaking() { ::uselocale(before); }
        const locale_t before;
    };

    static locale_t make() noexcept {
        const locale_t own = ::duplocale(::uselocale(locale_t{}));
        const locale_t english = own != locale_t{} ? ::newlocale(LC_MESSAGES_MASK, "C", own) : own;
        if (english == locale_t{} && own != locale_t{}) ::freelocale(own);  // it is left as it was
        return english;
    }

    const locale_t locale_;
};

}  // namespace pg::libpq
