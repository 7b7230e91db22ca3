// A request in which somebody has a say: watched, and shown to interceptors. Internal to core.
#pragma once

#include "src/core/intercept.hpp"
#include "src/core/observe.hpp"

namespace pg::detail {

/// What is told, and nobody is asked: the ends of a transaction, and its parts.
[[nodiscard]] inline bool is_only_told(spi::RequestKind kind) noexcept {
    switch (kind) {
        case spi::RequestKind::commit:
        case spi::RequestKind::rollback:
        case spi::RequestKind::savepoint:
        case spi::RequestKind::release:
        case spi::RequestKind::rollback_to: return true;
        default: return false;
    }
}

/// Runs `work(watch)` unless an interceptor refuses it, and tells what came of it; with null and without a word when
/// nobody has a say.
template <class Work>
auto hooked(const std::shared_ptr<const Hooks>& hooks, spi::RequestKind kind, std::string_view sql,
            const QueryOptions* options, Work work) {
    if (!hooks) [[likely]]
        return work(static_cast<Watch*>(nullptr));
    Watch watch(hooks, kind, sql, label_of(options));
    Interception interception(hooks, kind, sql, nullptr, options);
    const auto ask = [&]() -> decltype(work(&watch)) {
        if (is_only_told(kind))
            interception.pass();
        else if (auto allowed = interception.begin_without_answer(); !allowed)
            return std::move(allowed).error();
        watch.give(interception.settings());
        return work(&watch);
    };
    auto answer = ask();
    interception.end(answer ? nullptr : &answer.error());
    watch.end(answer);
    return answer;
}

/// A stream or a COPY on its way to a session: observers hear of its end before that. Pinned.
class Opening {
public:
    /// The views outlive it.
    Opening(const std::shared_ptr<const Hooks>& hooks, spi::RequestKind kind, std::string_view sql,
            std::string_view label) {
        if (hooks) [[unlikely]]
            watch_.emplace(hooks, kind, sql, label);
    }
    /// It has ended with that error, which it gives back. Once. `borrowed` is a session that it could not use.
    [[nodiscard]] Error failed(Error error, const Borrowed* borrowed = nullptr) {
        if (watch_ && borrowed) watch_->take(*borrowed);
        if (watch_) watch_->end(&error);
        return error;
    }

private:
    std::optional<Watch> watch_;  // nothing: nobody has a say
};

/// What somebody has to say of a stream or a COPY, from its beginning to its end. Pinned.
struct LongSay {
    LongSay(const std::shared_ptr<const Hooks>& hooks, spi::RequestKind kind, std::string_view sql, Params* params,
            std::string_view label)
        : text(sql),
          name(label),
          options{.label = name},
          watch(hooks, kind, text, name),
          interception(hooks, kind, text, params, &options) {}

    const std::string text, name;  // of one that is awaited the caller cannot know the end
    const QueryOptions options;
    Watch watch;
    Interception interception;
    Enclosure enclosure;
};

}  // namespace pg::detail
