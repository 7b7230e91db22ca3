// What the threads of a fake server share.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "pg/testing/fake_server.hpp"
#include "src/testing/wake_up.hpp"

namespace pg::testing {

/// Service. Thread-safe. It outlives the conversations.
class FakeServerState final {
public:
    /// Readable once the server stops, and from then on.
    [[nodiscard]] int stop_descriptor() const noexcept { return stopping_.get(); }
    [[nodiscard]] bool good() const noexcept { return static_cast<bool>(stopping_); }
    void stop() {
        stopping_.ring();
        change([&] { stopped_ = true; });
    }

    void end_client() {
        change([&] { ++ended_; });
    }
    void add_statement(FakeStatement statement) {
        change([&] { statements_.push_back(std::move(statement)); });
    }
    void add_cancel(int client) {
        change([&] { cancels_.push_back(client); });
    }
    void add_failure(int client, std::string_view what) {
        change([&] { failures_.push_back("client " + std::to_string(client) + ": " + std::string(what)); });
    }
    void add_cue() {
        change([&] { ++cues_; });
    }

    [[nodiscard]] std::vector<FakeStatement> statements() const { return copy_of(statements_); }
    [[nodiscard]] std::vector<int> cancels() const { return copy_of(cancels_); }
    [[nodiscard]] std::vector<std::string> failures() const { return copy_of(failures_); }

    /// They wait; false when the deadline passed, or the server stopped. @{
    [[nodiscard]] bool wait_for_statements(std::size_t count, Deadline deadline) const {
        return wait(deadline, [&] { return statements_.size() >= count; });
    }
    [[nodiscard]] bool wait_for_clients(std::size_t count, Deadline deadline) const {
        return wait(deadline, [&] { return ended_ >= count; });
    }
    /// For one more of that client than so many.
    [[nodiscard]] bool wait_for_cancel(int client, std::ptrdiff_t heard) const {
        return wait(Deadline::never(), [&] { return std::count(cancels_.begin(), cancels_.end(), client) > heard; });
    }
    /// Takes the cue.
    [[nodiscard]] bool wait_for_cue() {
        return wait(Deadline::never(), [&] {
            if (cues_ == 0) return false;
            --cues_;
            return true;
        });
    }  /// @}

private:
    template <class Change>
    void change(Change change) {
        {
            const std::lock_guard lock(mutex_);
            change();
        }
        changed_.notify_all();
    }
    template <class T>
    [[nodiscard]] T copy_of(const T& values) const {
        const std::lock_guard lock(mutex_);
        return values;
    }
    template <class Done>
    [[nodiscard]] bool wait(Deadline deadline, Done done) const {
        std::unique_lock lock(mutex_);
        bool came = false;
        const auto over = [&] { return (came = done()) || stopped_; };
        if (deadline.is_never())
            changed_.wait(lock, over);
        else
            changed_.wait_until(lock, deadline.when(), over);
        return came;
    }

    WakeUp stopping_;
    mutable std::mutex mutex_;  ///< guards what follows
    mutable std::condition_variable changed_;
    bool stopped_ = false;
    std::size_t ended_ = 0;
    std::size_t cues_ = 0;
    std::vector<FakeStatement> statements_;
    std::vector<int> cancels_;
    std::vector<std::string> failures_;
};

}  // namespace pg::testing
