// Asking for the password of a pool, on a thread of its own, and waiting for the answer.
#include "src/pool/credential_desk.hpp"

#include <condition_variable>
#include <stop_token>
#include <system_error>
#include <utility>

#include "pg/spi/waiter.hpp"
#include "pg/stop.hpp"
#include "src/pool/refusals.hpp"

namespace pg {

CredentialSource::~CredentialSource() = default;

namespace pool {
namespace {

Error no_password(ErrorKind kind, std::string why) {
    return Error({.kind = kind,
                  .outcome = Outcome::not_sent,
                  .retry_scope = RetryScope::after_refresh,
                  .connection_usable = false,
                  .message = "there is no password to connect with: " + std::move(why)});
}

/// Waits until a stop is asked for by one of two, or the deadline passes.
void wait_for_either(const StopToken& one, const spi::Wait& other) {
    std::stop_source over;
    const auto end = [](void* source) noexcept { static_cast<std::stop_source*>(source)->request_stop(); };
    const StopCallback on_one(&one, end, &over);
    const StopCallback on_other(other.stop, end, &over);
    if (spi::Waiter* const waiter = spi::Waiter::here()) {
        const StopToken token(over.get_token());
        return static_cast<void>(waiter->wait({}, {other.deadline, &token}));
    }
    std::mutex mutex;
    std::condition_variable_any ended;
    std::unique_lock lock(mutex);
    const auto never = [] { return false; };
    if (other.deadline.is_never())
        ended.wait(lock, over.get_token(), never);
    else
        ended.wait_until(lock, over.get_token(), other.deadline.when(), never);
}

}  // namespace

/// One call of the source, and who waits for its end.
struct CredentialDesk::Question {
    std::stop_source over;             // a stop says that it was answered
    std::optional<Error> error;        // written before that
    std::optional<Password> password;  // if there is no error. The same
};

CredentialDesk::~CredentialDesk() {
    if (!thread_.joinable()) return;
    // In a copy of the process it is a thread of the parent's, whose number one of the copy's own may have by now.
    if (!birthplace_.is_here()) {
        static_cast<void>(new std::thread(std::move(thread_)));
        return;
    }
    // A thread with a question keeps the desk alive: it is this one, which has just let go of it, or it has ended.
    thread_.get_id() == std::this_thread::get_id() ? thread_.detach() : thread_.join();
}

Expected<Password> CredentialDesk::password(const spi::Wait& wait) {
    std::shared_ptr<Question> question;
    CredentialBook::Advice advice;
    {
        const std::lock_guard lock(mutex_);
        advice = book_.advise(Deadline::Clock::now());
        if (advice.ask) question_ = std::make_shared<Question>();
        question = question_;
    }
    if (advice.ask && !begin(question, wait.deadline) && !advice.password) return no_thread();
    if (advice.password) return *std::move(advice.password);
    const StopToken over(question->over.get_token());
    wait_for_either(over, wait);
    if (!over.stop_requested())
        return wait.stop && wait.stop->stop_requested()
                   ? no_password(ErrorKind::cancelled, "stopped while its source was asked for it")
                   : no_password(ErrorKind::auth, "its source did not give one in time");
    if (question->error) return *question->error;
    return *question->password;
}

/// False when the process can have no more threads.
bool CredentialDesk::begin(const std::shared_ptr<Question>& question, const Deadline& until) {
    std::thread last;  // its question was answered: it has nothing left to do (C1)
    try {
        const std::lock_guard lock(mutex_);  // of two who begin one, the second has what the first has made
        last = std::exchange(
            thread_, std::thread([self = shared_from_this(), question, until] { self->run(*question, until); }));
    } catch (const std::system_error&) {
        question->error = no_thread();
        {
            const std::lock_guard lock(mutex_);
            static_cast<void>(book_.answered(*question->error, Deadline::Clock::now()));
        }
        question->over.request_stop();
        return false;
    }
    if (last.joinable()) last.join();
    return true;
}

void CredentialDesk::run(Question& question, const Deadline& until) {
    Expected<Credential> answer = source_->credential(until);
    if (answer && answer->lifetime <= std::chrono::nanoseconds(0)) answer = Error({.message = "it has expired"});
    if (!answer) question.error = no_password(ErrorKind::auth, std::string(answer.error().message()));
    {
        const std::lock_guard lock(mutex_);
        question.password = book_.answered(std::move(answer), Deadline::Clock::now());
    }
    question.over.request_stop();
}

void CredentialDesk::accepted() {
    const std::lock_guard lock(mutex_);
    book_.accepted();
}

bool CredentialDesk::refused(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    return book_.refused(number);
}

}  // namespace pool
}  // namespace pg
