// Every operation of a session, done at its home.
#include "providers/async/session.hpp"

namespace pg::async {
namespace {

class ReactorStream final : public spi::RowStream {
public:
    ReactorStream(Home home, std::unique_ptr<spi::RowStream> stream)
        : home_(std::move(home)), stream_(std::move(stream)) {}
    ReactorStream(const ReactorStream&) = delete;
    ReactorStream& operator=(const ReactorStream&) = delete;
    ~ReactorStream() override { home_.bury(std::move(stream_)); }

private:
    Expected<Result> do_next(const spi::Wait& wait) noexcept override {
        return home_.run([&] { return stream_->next(wait); });
    }
    Home home_;
    std::unique_ptr<spi::RowStream> stream_;
};

class ReactorCopyIn final : public spi::CopyIn {
public:
    ReactorCopyIn(Home home, std::unique_ptr<spi::CopyIn> copy) : home_(std::move(home)), copy_(std::move(copy)) {}
    ReactorCopyIn(const ReactorCopyIn&) = delete;
    ReactorCopyIn& operator=(const ReactorCopyIn&) = delete;
    ~ReactorCopyIn() override { home_.bury(std::move(copy_)); }

private:
    Expected<void> do_write(std::string_view bytes, const spi::Wait& wait) noexcept override {
        return home_.run([&] { return copy_->write(bytes, wait); });
    }
    Expected<std::uint64_t> do_finish(const spi::Wait& wait) noexcept override {
        return home_.run([&] { return copy_->finish(wait); });
    }
    Expected<void> do_fail(std::string_view reason, const spi::Wait& wait) noexcept override {
        return home_.run([&] { return copy_->fail(reason, wait); });
    }
    std::size_t do_columns() const noexcept override { return copy_->columns(); }

    Home home_;
    std::unique_ptr<spi::CopyIn> copy_;
};

class ReactorCopyOut final : public spi::CopyOut {
public:
    ReactorCopyOut(Home home, std::unique_ptr<spi::CopyOut> copy) : home_(std::move(home)), copy_(std::move(copy)) {}
    ReactorCopyOut(const ReactorCopyOut&) = delete;
    ReactorCopyOut& operator=(const ReactorCopyOut&) = delete;
    ~ReactorCopyOut() override { home_.bury(std::move(copy_)); }

private:
    Expected<std::optional<std::string_view>> do_read(const spi::Wait& wait) noexcept override {
        return home_.run([&] { return copy_->read(wait); });
    }
    Home home_;
    std::unique_ptr<spi::CopyOut> copy_;
};

/// What was begun at home, in the shell that keeps it there.
template <class Shell, class Inner>
Expected<std::unique_ptr<Inner>> wrapped(const Home& home, Expected<std::unique_ptr<Inner>> begun) {
    if (!begun) return begun;
    return std::unique_ptr<Inner>(std::make_unique<Shell>(home, *std::move(begun)));
}

}  // namespace

Error Home::would_block() {
    return Error({.kind = ErrorKind::usage,
                  .outcome = Outcome::not_sent,
                  .message =
                      "a blocking call on the thread of an event loop would hold up the calls there, and may wait "
                      "for itself: co_await db.async(), or call from another thread"});
}

namespace {

/// Destroys an object on a fiber, after a pause for what it must not come before. Deletes itself.
template <class Object, class Before>
class Burial final : public spi::Job {
public:
    Burial(Home home, std::unique_ptr<Object> object, Before before)
        : home_(std::move(home)), object_(std::move(object)), before_(std::move(before)) {}

private:
    void do_run() noexcept override {
        before_();
        object_.reset();
        delete this;
    }
    Home home_;
    std::unique_ptr<Object> object_;
    Before before_;
};

/// Lowers a count when it goes.
class Counted {
public:
    explicit Counted(std::shared_ptr<std::atomic<int>> count) : count_(std::move(count)) { ++*count_; }
    Counted(Counted&& other) noexcept = default;
    Counted& operator=(Counted&&) = delete;
    ~Counted() {
        if (count_) count_->fetch_sub(1, std::memory_order_release);
    }

private:
    std::shared_ptr<std::atomic<int>> count_;
};

}  // namespace

void Home::wait_for_burials() const noexcept {
    constexpr std::chrono::milliseconds look_again{1};
    while (is_burying()) static_cast<void>(spi::Waiter::here()->wait({}, {Deadline::after(look_again)}));
}

template <class Object>
void Home::bury(std::unique_ptr<Object> object) const noexcept {
    if (object == nullptr) return;
    if (spi::Waiter::here() != nullptr || !birthplace_.is_here()) return object.reset();
    if (!may_not_block()) {
        auto errand = [&] { object.reset(); };
        return run_errand(*reactor_, errand);
    }
    auto count = [counted = Counted(burials_)] {};
    reactor_->spawn(*new Burial<Object, decltype(count)>(*this, std::move(object), std::move(count)));
}

void Home::bury_session(std::unique_ptr<spi::Session> session) const noexcept {
    if (!birthplace_.is_here()) return session.reset();
    if (spi::Waiter::here() != nullptr) return wait_for_burials(), session.reset();
    if (!may_not_block()) {
        auto errand = [&] {
            wait_for_burials();
            session.reset();
        };
        return run_errand(*reactor_, errand);
    }
    if (reactor_->here() && !is_burying()) return session.reset();  // an idle one closes without waiting
    auto wait = [home = *this] { home.wait_for_burials(); };
    reactor_->spawn(*new Burial<spi::Session, decltype(wait)>(*this, std::move(session), std::move(wait)));
}

ReactorSession::ReactorSession(Home home, std::unique_ptr<spi::Session> session)
    : home_(std::move(home)), session_(std::move(session)), process_(session_->backend_process()) {
    home_.reactor()->add_session();
}

ReactorSession::~ReactorSession() {
    home_.bury_session(std::move(session_));
    home_.reactor()->remove_session();
}

Expected<Result> ReactorSession::do_run(const spi::Request& request, const spi::Wait& wait) noexcept {
    return home_.run([&] { return session_->run(request, wait); });
}

void ReactorSession::do_run_batch(std::span<spi::BatchItem* const> items, spi::BatchSync sync,
                                  const spi::Wait& wait) noexcept {
    const Expected<void> ran = home_.run([&]() -> Expected<void> {
        session_->run_batch(items, sync, wait);
        return {};
    });
    if (ran) return;
    for (spi::BatchItem* item : items) item->outcome.emplace(ran.error());
}

Expected<spi::CommandTag> ReactorSession::do_run_script(std::string_view text, const spi::Wait& wait) noexcept {
    return home_.run([&] { return session_->run_command(text, wait); });
}

Expected<std::unique_ptr<spi::RowStream>> ReactorSession::do_stream(const spi::Request& request,
                                                                    const spi::Wait& wait) noexcept {
    return wrapped<ReactorStream>(home_, home_.run([&] { return session_->stream(request, wait); }));
}

Expected<std::unique_ptr<spi::CopyIn>> ReactorSession::do_copy_in(std::string_view sql,
                                                                  const spi::Wait& wait) noexcept {
    return wrapped<ReactorCopyIn>(home_, home_.run([&] { return session_->copy_in(sql, wait); }));
}

Expected<std::unique_ptr<spi::CopyOut>> ReactorSession::do_copy_out(std::string_view sql,
                                                                    const spi::Wait& wait) noexcept {
    return wrapped<ReactorCopyOut>(home_, home_.run([&] { return session_->copy_out(sql, wait); }));
}

Expected<spi::Description> ReactorSession::do_prepare(std::string_view name, std::string_view sql,
                                                      std::span<const Oid> types, const spi::Wait& wait) noexcept {
    return home_.run([&] { return session_->prepare(name, sql, types, wait); });
}

Expected<std::optional<Notification>> ReactorSession::do_wait_notification(const spi::Wait& wait) noexcept {
    return home_.run([&] { return session_->wait_notification(wait); });
}

}  // namespace pg::async
