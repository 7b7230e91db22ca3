// CredentialBook: when the password of a pool is asked for, and what a refusal of it means. Internal to pool.
//
//   (C1) At most one question is under way.
//   (C2) A password is used until the end of its lifetime, or until the server refuses it.
//   (C3) A refused password is asked for anew and tried once more, unless the one before it was refused too.
#pragma once

#include <optional>

#include "pg/pool/credentials.hpp"
#include "src/pool/governor.hpp"

namespace pg::pool {

/// A password and its number, by which the book knows it again. Value.
struct Password {
    Secret text;
    std::uint64_t number = 0;
};

/// Told what happens and when. One thread at a time.
class CredentialBook {
public:
    using Time = Governor::Time;
    /// After an early question that failed the next one waits that long.
    static constexpr std::chrono::seconds pause{1};

    /// What whoever wants to connect has to do: begin a question, use the password, or both, or wait for an answer.
    struct Advice {
        bool ask = false;                    // begin a question: it is under way then
        std::optional<Password> password{};  // nothing: wait for the answer
    };
    [[nodiscard]] Advice advise(Time now) {
        const bool is_good = password_ && now < expires_;
        Advice advice{.ask = !is_asked_ && (!is_good || now >= ask_early_)};
        if (advice.ask) is_asked_ = true;
        if (is_good) advice.password = password_;
        return advice;
    }
    /// What came of the question. For whoever waited for it, the password, however soon the end of its lifetime is.
    std::optional<Password> answered(Expected<Credential> answer, Time now) {
        is_asked_ = false;
        if (!answer) {
            ask_early_ = now + pause;
            return std::nullopt;
        }
        const std::chrono::nanoseconds lifetime = answer->lifetime;
        password_ = Password{std::move(answer->password), ++number_};
        expires_ = Deadline::after(lifetime, now).when();
        ask_early_ = Deadline::after(lifetime == no_timeout ? lifetime : lifetime - lifetime / 5, now).when();
        return password_;
    }
    /// The server took that password.
    void accepted() { refusals_ = 0; }
    /// The server refused it. True when it is worth another attempt, with what is asked for then, or was since.
    [[nodiscard]] bool refused(std::uint64_t number) {
        if (!password_ || password_->number != number) return refusals_ <= 1;  // another one has come since
        password_.reset();
        return refusals_++ == 0;
    }

private:
    std::optional<Password> password_;
    std::uint64_t number_ = 0;
    Time expires_{};
    Time ask_early_{};
    bool is_asked_ = false;
    int refusals_ = 0;  // of different passwords in a row
};

}  // namespace pg::pool
