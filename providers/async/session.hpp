// ReactorSession: a session that is used from any thread and lives on one.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "pg/spi/reactor.hpp"
#include "pg/spi/session.hpp"
#include "pg/spi/waiter.hpp"
#include "src/base/fork.hpp"
#include "src/fibers/errand.hpp"

namespace pg::async {

using fibers::run_errand;

/// The thread that a session lives on, with all that was begun on it. Value; copies are of one session.
class Home {
public:
    explicit Home(std::shared_ptr<spi::Reactor> reactor) : reactor_(std::move(reactor)) {}

    [[nodiscard]] const std::shared_ptr<spi::Reactor>& reactor() const noexcept { return reactor_; }
    /// What `function` returns, called at once when the caller is on a fiber, else at home by an errand. An error for
    /// a caller who must not be made to wait: on this loop or another one, which may wait for each other.
    template <class Function>
    [[nodiscard]] auto run(Function function) const noexcept -> decltype(function()) {
        // In a copy of the process there is no such thread; the session says so itself.
        if (!birthplace_.is_here()) return function();
        if (spi::Waiter::here() != nullptr) return wait_for_burials(), function();
        if (may_not_block()) return would_block();
        std::optional<decltype(function())> answer;
        auto errand = [&] {
            wait_for_burials();
            answer.emplace(function());
        };
        run_errand(*reactor_, errand);
        return *std::move(answer);
    }
    /// Destroys a stream or a COPY at home: before it returns, unless the caller must not wait. The session does
    /// nothing else until then. @{
    template <class Object>
    void bury(std::unique_ptr<Object> object) const noexcept;
    [[nodiscard]] bool is_burying() const noexcept { return burials_->load(std::memory_order_acquire) != 0; }
    /// The same with the session itself.
    void bury_session(std::unique_ptr<spi::Session> session) const noexcept;  /// @}

private:
    /// Not on a fiber.
    [[nodiscard]] bool may_not_block() const noexcept { return spi::Reactor::any_here() || reactor_->here(); }
    [[nodiscard]] static Error would_block();
    /// On a fiber.
    void wait_for_burials() const noexcept;

    std::shared_ptr<spi::Reactor> reactor_;
    std::shared_ptr<std::atomic<int>> burials_ = std::make_shared<std::atomic<int>>(0);  // that are under way
    detail::Birthplace birthplace_;
};

class ReactorSession final : public spi::Session {
public:
    /// Takes a session that was opened at home.
    ReactorSession(Home home, std::unique_ptr<spi::Session> session);
    ReactorSession(const ReactorSession&) = delete;
    ReactorSession& operator=(const ReactorSession&) = delete;
    ~ReactorSession() override;

private:
    Expected<Result> do_run(const spi::Request& request, const spi::Wait& wait) noexcept override;
    void do_run_batch(std::span<spi::BatchItem* const> items, spi::BatchSync sync,
                      const spi::Wait& wait) noexcept override;
    /// Its feed lives at home as well.
    void do_run_pipeline(spi::RequestFeed& feed) noexcept override { session_->run_pipeline(feed); }
    Expected<spi::CommandTag> do_run_script(std::string_view text, const spi::Wait& wait) noexcept override;
    Expected<std::unique_ptr<spi::RowStream>> do_stream(const spi::Request& request,
                                                        const spi::Wait& wait) noexcept override;
    Expected<std::unique_ptr<spi::CopyIn>> do_copy_in(std::string_view sql, const spi::Wait& wait) noexcept override;
    Expected<std::unique_ptr<spi::CopyOut>> do_copy_out(std::string_view sql, const spi::Wait& wait) noexcept override;
    Expected<spi::Description> do_prepare(std::string_view name, std::string_view sql, std::span<const Oid> types,
                                          const spi::Wait& wait) noexcept override;
    /// Nothing of it happens before the next call, which goes home.
    void do_forget(std::string_view name) noexcept override { session_->forget(name); }
    Expected<std::optional<Notification>> do_wait_notification(const spi::Wait& wait) noexcept override;
    // One that has a burial in it is nobody's any more: it is closed rather than waited for.
    spi::TransactionStatus do_transaction_status() const noexcept override {
        return home_.is_burying() ? spi::TransactionStatus::unknown : session_->transaction_status();
    }
    bool do_alive() noexcept override { return !home_.is_burying() && session_->alive(); }
    std::string_view do_parameter(const char* name) const noexcept override { return session_->parameter(name); }
    int do_backend_process() const noexcept override { return process_; }
    int do_server_version() const noexcept override { return session_->server_version(); }
    std::string_view do_node() const noexcept override { return session_->node(); }
    std::string_view do_engine() const noexcept override { return session_->engine(); }
    int do_socket() const noexcept override { return session_->socket(); }
    bool do_at_rest() noexcept override { return !home_.is_burying() && session_->at_rest(); }
    const std::shared_ptr<spi::Reactor>& do_reactor() const noexcept override { return home_.reactor(); }

    Home home_;
    std::unique_ptr<spi::Session> session_;
    const int process_;  // which others may ask for while a call runs that loses the connection
};

}  // namespace pg::async
