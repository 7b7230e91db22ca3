// An observer that writes down what it is told, one line each.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "pg/spi/observer.hpp"

/// Thread-safe.
class RecordingObserver final : public pg::spi::Observer {
public:
    using Lines = std::vector<std::string>;

    /// What was written so far; asking clears it.
    Lines take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(lines_, {});
    }
    /// Those of them that begin like this; asking clears all.
    Lines take(std::string_view beginning) {
        Lines all = take();
        std::erase_if(all, [&](const std::string& line) { return !line.starts_with(beginning); });
        return all;
    }
    /// True when no duration that it was told of is below zero, and none is longer than the one around it.
    [[nodiscard]] bool durations_add_up() {
        const std::lock_guard lock(mutex_);
        return add_up_;
    }

private:
    static std::string and_error(const pg::Error* error) {
        return error ? ": " + std::string(to_string(error->kind())) + " " + std::string(to_string(error->outcome()))
                     : std::string();
    }
    static std::string word(std::string_view text) { return text.empty() ? "" : " " + std::string(text); }
    void write(std::string line, bool adds_up = true) noexcept {
        const std::lock_guard lock(mutex_);
        lines_.push_back(std::move(line));
        add_up_ = add_up_ && adds_up;
    }

    void on_request(const pg::spi::RequestEvent& event) noexcept override {
        std::string line = std::string(to_string(event.kind)) + word(event.sql);
        if (!event.label.empty()) line += " as " + std::string(event.label);
        if (!event.tenant.empty()) line += " for " + std::string(event.tenant);
        line += " on " + std::string(event.node.empty() ? "no" : event.engine) + ", " + std::to_string(event.rows) +
                " rows";
        if (event.statements != 1) line += " of " + std::to_string(event.statements) + " statements";
        write(line + and_error(event.error), event.waited.count() >= 0 && event.waited <= event.duration &&
                                                 event.began.time_since_epoch().count() > 0);
    }
    void on_connect(const pg::spi::ConnectEvent& event) noexcept override {
        write("connect" + word(event.engine) + and_error(event.error),
              event.duration.count() >= 0 && (event.process != 0) == (event.error == nullptr));
    }
    void on_close(const pg::spi::CloseEvent& event) noexcept override {
        write("close" + word(event.engine) + word(to_string(event.why)), event.process != 0 && !event.node.empty());
    }
    void on_acquire(const pg::spi::AcquireEvent& event) noexcept override {
        write("acquire" + word(event.engine) + and_error(event.error), event.duration.count() >= 0);
    }
    void on_release(const pg::spi::ReleaseEvent& event) noexcept override {
        write("release" + word(event.engine), event.duration.count() >= 0);
    }
    void on_notice(const pg::Error& notice) noexcept override {
        write("notice " + std::string(notice.severity()) + " " + std::string(notice.message()));
    }
    void on_retry(const pg::spi::RetryEvent& event) noexcept override {
        write("retry" + word(event.is_transaction ? "transaction" : event.sql) + " " + std::to_string(event.attempt) +
                  and_error(event.error),
              event.pause.count() >= 0);
    }
    void on_error(const pg::spi::ErrorEvent& event) noexcept override {
        write("error in " + std::string(event.where) + word(event.sql) + and_error(event.error));
    }

    std::mutex mutex_;  // guards what follows
    Lines lines_;
    bool add_up_ = true;
};
