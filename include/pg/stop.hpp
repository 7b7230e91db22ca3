// StopToken: lets another thread stop a request, and a provider be woken while it waits.
#pragma once

#include <stop_token>
#include <utility>

namespace pg {

/// What `QueryOptions::stop` points to, made from a `std::stop_token`. Value.
/// Apart from the options' header because `<stop_token>` is too heavy for everybody to include.
class StopToken {
public:
    /// One that can never be stopped is allowed.
    explicit StopToken(std::stop_token token) noexcept : token_(std::move(token)) {}

    [[nodiscard]] bool stop_requested() const noexcept { return token_.stop_requested(); }  ///< stays true once it is
    /// Whether a stop was or can still be asked for.
    [[nodiscard]] bool stop_possible() const noexcept { return token_.stop_possible(); }

private:
    friend class StopCallback;
    std::stop_token token_;
};

/// While it lives, a stop calls `function(context)`: on the thread that asks for it, or in the constructor when it
/// was asked for before. Pinned. The destructor waits for a call under way on another thread, so `context` need not
/// outlive it. Meant for a wake-up, such as a write to an eventfd: the function must not block.
class StopCallback {
public:
    using Function = void (*)(void* context) noexcept;  ///< called at most once

    /// `token` may be null: then nothing ever calls.
    StopCallback(const StopToken* token, Function function, void* context)
        : callback_(token != nullptr ? token->token_ : std::stop_token(), Call{function, context}) {}
    StopCallback(const StopCallback&) = delete;
    StopCallback& operator=(const StopCallback&) = delete;

private:
    struct Call {
        Function function;
        void* context;
        void operator()() const noexcept { function(context); }
    };
    std::stop_callback<Call> callback_;
};

}  // namespace pg
