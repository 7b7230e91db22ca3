// SilentLine: a line of its own to the server for one row, which falls silent when the row says so.
#pragma once

#include <atomic>
#include <gtest/gtest.h>
#include <optional>
#include <pg/testing/fault_proxy.hpp>
#include <pg/testing/test_server.hpp>
#include <stop_token>
#include <thread>

#include "tests/db/assembly/frozen_verbs.hpp"

namespace frozen {

/// What falls silent.
enum class Silent : std::uint8_t {
    line,       ///< what lies between the client and the server
    processes,  ///< those of the client's sessions, which are stopped (SIGSTOP)
    server,     ///< every process of a server for one row at a time: nobody answers who connects
};

/// How the sessions of a client are made, and what becomes of a call.
struct Kind {
    const char* provider;
    const char* engine;
    Silent silent = Silent::line;
    /// The call is, and has not to come to the end of its time: the server falls silent by answering nothing, and as
    /// soon as the call was sent, its caller wants it no more. On a line alone.
    bool is_stopped = false;
};

/// The server processes of one client, stopped in their tracks until this goes.
class StoppedProcesses {
public:
    explicit StoppedProcesses(const std::string& client) {
        // By a thread of its own: a coroutine of a loop may be what asks.
        std::jthread([&] {
            pg::Client onlooker = pg::connect(pg::testing::shared_server().conninfo());
            all_ = onlooker.query_all<std::int32_t>("select pid from pg_stat_activity where application_name = $1",
                                                    client);
        }).join();
        EXPECT_FALSE(all_.empty()) << client;
        for (const int process : all_) pg::testing::shared_server().freeze_backend(process);
    }
    StoppedProcesses(const StoppedProcesses&) = delete;
    StoppedProcesses& operator=(const StoppedProcesses&) = delete;
    ~StoppedProcesses() {
        for (const int process : all_) pg::testing::shared_server().thaw_backend(process);
    }

private:
    std::vector<std::int32_t> all_;
};

class SilentLine final : public Line {
public:
    /// Each request of its clients has this time.
    SilentLine(const Kind& kind, std::chrono::milliseconds timeout) : kind_(kind), timeout_(timeout) {}

    void go_silent() override {
        using pg::testing::Direction;
        if (kind_.is_stopped) return stop_when_sent();
        switch (kind_.silent) {
            case Silent::line:
                for (const Direction direction : {Direction::to_server, Direction::to_client})
                    proxy_.set(direction, {.frozen = true});
                break;
            case Silent::processes: processes_.emplace(name_); break;
            case Silent::server: lone_server().freeze(); break;
        }
        silent_since_ = std::chrono::steady_clock::now();
    }
    [[nodiscard]] const pg::StopToken* stop() override { return kind_.is_stopped ? &token_ : nullptr; }
    [[nodiscard]] pg::Client other_client() override { return pg::open(conninfo(), options()); }
    [[nodiscard]] std::string conninfo() const override { return place() + " engine=" + kind_.engine + name(); }
    [[nodiscard]] pg::Options options() const override {
        return {.provider = kind_.provider, .pool_max_size = 2, .timeout = timeout_};
    }
    [[nodiscard]] bool falls_silent() const override { return true; }
    void end_call() override { call_ended_ = std::chrono::steady_clock::now(); }

    void heal() {
        processes_.reset();
        if (kind_.silent == Silent::server) lone_server().thaw();
        proxy_.heal();
    }
    /// The sessions are lost, in whatever silence.
    void lose_sessions() { proxy_.cut(pg::testing::Ending::reset); }
    /// The call to come is one that only reads, so nothing is to be sent before it is stopped.
    void expect_nothing_sent() { sends_ = false; }

    /// A call on something that ends with it.
    class Call {
    public:
        explicit Call(SilentLine& line) : line_(line) {}
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;
        ~Call() { line_.end_call(); }

    private:
        SilentLine& line_;
    };
    /// How long the call took from then on; nothing when it did not fall silent.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> silence() {
        if (stopper_.joinable()) stopper_.join();
        if (!silent_since_) return std::nullopt;
        return call_ended_.value_or(std::chrono::steady_clock::now()) - *silent_since_;
    }

    /// The name of the database that every row is in.
    [[nodiscard]] static const std::string& database() {
        static const std::string name = "frozen";
        return name;
    }
    /// The server of `Silent::server`.
    [[nodiscard]] static pg::testing::TestServer& lone_server() {
        static pg::testing::TestServer server = [] {
            auto started = pg::testing::TestServer::start({.major = pg::testing::shared_server().major()});
            started.create_database(database());
            return started;
        }();
        return server;
    }

private:
    [[nodiscard]] std::string place() const {
        // The buffers of a unix socket are small: there is little to be read once its process is stopped.
        const pg::testing::TestServer& shared = pg::testing::shared_server();
        switch (kind_.silent) {
            case Silent::line: break;
            case Silent::processes: return shared.conninfo(database());
            case Silent::server: return lone_server().conninfo(database());
        }
        return proxy_.conninfo(shared, database());
    }
    [[nodiscard]] std::string name() const { return " application_name=" + name_; }

    void stop_when_sent() {
        using namespace std::chrono_literals;
        using pg::testing::Direction;
        proxy_.set(Direction::to_client, {.frozen = true});
        const auto sent = proxy_.stats().to_server.bytes_out + 1;
        stopper_ = std::jthread([this, sent] {
            // A stop is right at any time. One that comes a while later finds a call that waits.
            const bool was_sent =
                proxy_.wait_for_bytes_out(Direction::to_server, sent, pg::Deadline::after(sends_ ? 10s : 50ms));
            EXPECT_TRUE(was_sent || !sends_) << "the call was not sent";
            silent_since_ = std::chrono::steady_clock::now();
            stopping_.request_stop();
        });
    }

    static std::string next_name() {
        static std::atomic<int> last = 0;
        return "line_" + std::to_string(++last);
    }

    const std::string name_ = next_name();
    Kind kind_;
    std::chrono::milliseconds timeout_;
    pg::testing::FaultProxy proxy_ = pg::testing::FaultProxy::start(pg::testing::shared_server());
    std::optional<StoppedProcesses> processes_;
    std::stop_source stopping_;
    const pg::StopToken token_{stopping_.get_token()};
    bool sends_ = true;  // the call that is to be stopped
    std::optional<std::chrono::steady_clock::time_point> silent_since_, call_ended_;
    std::jthread stopper_;
};

}  // namespace frozen
