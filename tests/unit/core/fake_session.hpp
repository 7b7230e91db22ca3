// A provider without a server: it answers from a script, keeps transactions in mind, and writes down what it was asked.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <mutex>

#include "pg/client.hpp"
#include "pg/sqlstate.hpp"
#include "pg/stop.hpp"
#include "src/base/transaction_control.hpp"
#include "src/core/client_impl.hpp"
#include "src/core/hooks.hpp"
#include "src/pool/make_pool.hpp"
#include "tests/unit/core/fake_reactor.hpp"
#include "tests/unit/core/fake_result.hpp"

namespace fake {

/// A request as it arrived.
struct Asked {
    struct Argument {
        pg::Oid type{};
        pg::Format format{};
        Text bytes;
    };
    std::string sql;
    bool prepared = false;
    std::vector<Argument> arguments;
    pg::Format format{};
    std::size_t max_result_bytes = 0;
    pg::spi::Wait wait;
};

/// A write of a COPY as it arrived.
struct Written {
    std::size_t size;
    pg::Deadline deadline;
};

/// What all sessions of one provider share. Thread-safe where the tests that share it need it.
class Server {
public:
    /// Answers the next statement of this text, once. Those of one text are answered in order.
    void answer(std::string sql, pg::Expected<pg::Result> result) {
        const std::lock_guard lock(mutex);
        script.emplace_back(std::move(sql), std::move(result));
    }
    /// Answers the next statement that has no answer of its own, once.
    void answer_next_unscripted(pg::Expected<pg::Result> result) {
        const std::lock_guard lock(mutex);
        unscripted.push_back(std::move(result));
    }
    /// All that was asked so far, one line each; asking clears it.
    Lines take_log() {
        const std::lock_guard lock(mutex);
        return std::exchange(log, {});
    }
    void write_down(std::string line) {
        const std::lock_guard lock(mutex);
        log.push_back(std::move(line));
    }
    std::optional<pg::Expected<pg::Result>> scripted(std::string_view sql) {
        const std::lock_guard lock(mutex);
        const auto found = std::find_if(script.begin(), script.end(), [&](const auto& s) { return s.first == sql; });
        if (found == script.end()) {
            if (unscripted.empty()) return std::nullopt;
            pg::Expected<pg::Result> next = std::move(unscripted.front());
            unscripted.pop_front();
            return next;
        }
        pg::Expected<pg::Result> result = std::move(found->second);
        script.erase(found);
        return result;
    }

    std::mutex mutex;  // guards the script, the log and the requests
    std::deque<std::pair<std::string, pg::Expected<pg::Result>>> script;
    std::deque<pg::Expected<pg::Result>> unscripted;
    Lines log;
    std::vector<Asked> asked;

    std::atomic<int> opened{0};
    std::atomic<int> closed{0};
    std::optional<pg::Error> refuses_to_open;
    std::shared_ptr<pg::spi::Reactor> reactor;     // where the next sessions live; null: nowhere
    std::atomic<bool> was_configured_anew{false};  // the next script has it report another setting
    std::atomic<int> dead{0};                      // as many sessions are found dead when they are to be lent
    std::function<void()> on_call;  // of a provider or a session, before it does what is asked; null: nothing
    int version = 150018;
    void is_called() const {
        if (on_call) on_call();
    }
    std::string in_hot_standby;
    std::string read_only_by_default;
    int socket = -1;  // of each session

    std::deque<pg::Expected<std::vector<Column>>> descriptions;  // of prepared statements; then: no columns
    std::function<void()> during_batch;                          // when the next one was sent; null: nothing
    std::optional<pg::Error> refuses_scripts;
    std::optional<pg::Error> fails_at_its_end;  // the next batch with one Sync does, and all of its statements with it
    bool ignores_rollback = false;              // it is answered, and the transaction goes on
    std::deque<pg::Expected<pg::Result>> chunks;  // of a stream; then: its end
    std::size_t copy_columns = 0;
    std::string copied;                   // into COPY … FROM STDIN
    std::vector<Written> writes;          // of that
    std::optional<pg::Error> copy_error;  // what its next call says
    std::deque<std::string> pieces;       // of COPY … TO STDOUT
    std::deque<pg::Expected<std::optional<pg::Notification>>> notifications;
    bool notifies_without_end = false;
    pg::spi::Wait last_wait;
};

class Session final : public pg::spi::Session {
public:
    using Wait = pg::spi::Wait;
    using Status = pg::spi::TransactionStatus;

    explicit Session(std::shared_ptr<Server> server)
        : server_(std::move(server)), number_(++server_->opened), life_(std::make_shared<int>(number_)) {}
    ~Session() override {
        server_->is_called();
        ++server_->closed;
    }

private:
    const std::shared_ptr<pg::spi::Reactor>& do_reactor() const noexcept override { return reactor_; }
    pg::Expected<pg::Result> do_run(const pg::spi::Request& request, const Wait& wait) noexcept override {
        server_->is_called();
        if (request.prepare) server_->write_down("prepare " + std::string(request.sql));
        is_made_read_only_ |= request.sql == "set default_transaction_read_only = on";
        server_->write_down((request.statement.empty() ? "" : "execute ") + std::string(request.sql));
        return answer(request, wait);
    }
    void do_run_batch(std::span<pg::spi::BatchItem* const> items, pg::spi::BatchSync sync,
                      const Wait& wait) noexcept override {
        const bool once = sync == pg::spi::BatchSync::once;
        server_->write_down((once ? "batch of " : "each of ") + std::to_string(items.size()));
        if (const auto during = std::exchange(server_->during_batch, nullptr)) during();
        bool failed = false;
        const auto late = once ? std::exchange(server_->fails_at_its_end, std::nullopt) : std::nullopt;
        for (pg::spi::BatchItem* item : items) {
            if (late)
                item->outcome.emplace(about(item->request.sql, *late));
            else if (once && failed && status_ != Status::unknown)
                item->outcome.emplace(server_error("25P02"));
            else
                item->outcome.emplace(answer(item->request, wait));
            failed = item->failed();
        }
    }
    /// Written down as it is: what begins, ends or divides a transaction is a script of one.
    static bool controls_transaction(std::string_view text) {
        const std::string_view word = pg::first_word(text);
        return word == "begin" || word == "commit" || word == "rollback" || word == "savepoint" || word == "release";
    }
    pg::Expected<pg::spi::CommandTag> do_run_script(std::string_view text, const Wait& wait) noexcept override {
        server_->is_called();
        if (controls_transaction(text)) {
            const pg::Expected<pg::Result> done = do_run({.sql = text}, wait);
            if (!done) return done.error();
            return pg::spi::CommandTag(done->tag());
        }
        server_->write_down("script " + std::string(text));
        hears_of_settings_ |= server_->was_configured_anew.exchange(false);
        {
            const std::lock_guard lock(server_->mutex);
            server_->last_wait = wait;
        }
        if (server_->refuses_scripts) return *server_->refuses_scripts;
        is_made_read_only_ = false;  // all scripts but those of transactions are resets
        return pg::spi::CommandTag();
    }
    pg::Expected<std::unique_ptr<pg::spi::RowStream>> do_stream(const pg::spi::Request& request,
                                                                const Wait& wait) noexcept override;
    pg::Expected<std::unique_ptr<pg::spi::CopyIn>> do_copy_in(std::string_view sql, const Wait& wait) noexcept override;
    pg::Expected<std::unique_ptr<pg::spi::CopyOut>> do_copy_out(std::string_view sql,
                                                                const Wait& wait) noexcept override;

    pg::Expected<pg::spi::Description> do_prepare(std::string_view name, std::string_view sql,
                                                  std::span<const pg::Oid> types, const Wait&) noexcept override {
        server_->write_down((name.empty() ? "describe " : "prepare ") + std::string(sql));
        if (!name.empty()) named_[std::string(name)] = sql;
        pg::spi::Description description;
        description.parameters.assign(types.begin(), types.end());
        if (server_->descriptions.empty()) return description;
        pg::Expected<std::vector<Column>> next = std::move(server_->descriptions.front());
        server_->descriptions.pop_front();
        if (!next) return note(next.error());
        auto table = std::make_shared<Table>(*next, std::vector<std::vector<Text>>{}, "");
        description.columns.assign(table->columns().begin(), table->columns().end());
        description.names = std::move(table);
        return description;
    }
    /// Written down is the text that was prepared under the name; one that never was is written down itself.
    void do_forget(std::string_view name) noexcept override {
        const auto found = named_.find(std::string(name));
        server_->write_down("forget " + (found == named_.end() ? std::string(name) : found->second));
    }
    pg::Expected<std::optional<pg::Notification>> do_wait_notification(const Wait& wait) noexcept override {
        if (!wait.deadline.passed(pg::Deadline::Clock::time_point())) server_->last_wait = wait;  // a look is no wait
        if (server_->notifies_without_end) return std::optional(pg::Notification());
        if (server_->notifications.empty()) return std::optional<pg::Notification>();
        auto next = std::move(server_->notifications.front());
        server_->notifications.pop_front();
        return next;
    }
    Status do_transaction_status() const noexcept override { return status_; }
    bool do_alive() noexcept override {
        server_->is_called();
        hears_of_settings_ = false;
        if (!std::exchange(was_looked_at_, true)) return true;  // by who opened it: it is not to be lent yet
        return server_->dead.load() <= 0 || server_->dead.fetch_sub(1) <= 0;
    }
    bool do_at_rest() noexcept override { return status_ == Status::idle && !hears_of_settings_; }
    std::string_view do_parameter(const char* name) const noexcept override {
        if (std::string_view(name) == "in_hot_standby") return server_->in_hot_standby;
        if (std::string_view(name) == "default_transaction_read_only")
            return is_made_read_only_ ? std::string_view("on") : server_->read_only_by_default;
        return std::string_view(name) == "TimeZone" ? "UTC" : "";
    }
    int do_backend_process() const noexcept override { return number_; }
    int do_server_version() const noexcept override { return server_->version; }
    std::string_view do_node() const noexcept override { return "nowhere:5432"; }
    std::string_view do_engine() const noexcept override { return "fake"; }
    int do_socket() const noexcept override { return server_->socket; }

    pg::Expected<pg::Result> answer(const pg::spi::Request& request, const Wait& wait) {
        {
            const std::lock_guard lock(server_->mutex);
            Asked asked{std::string(request.sql), !request.statement.empty(), {},
                        request.format,           request.max_result_bytes,   wait};
            if (request.params)
                for (const pg::Params::Slot& slot : *request.params)
                    asked.arguments.push_back({slot.type, slot.format,
                                               slot.length < 0 ? Text()
                                                               : Text(std::in_place, request.params->data(slot),
                                                                      static_cast<std::size_t>(slot.length))});
            server_->asked.push_back(std::move(asked));
        }
        if (request.prepare) {
            named_[std::string(request.statement)] = request.sql;
            if (auto refused = prepare_along(request)) return note(*refused);
        }
        if (auto scripted = server_->scripted(request.sql)) {
            if (!*scripted) {
                const pg::Outcome outcome = scripted->error().outcome();
                if (outcome == pg::Outcome::applied) static_cast<void>(control(request.sql));  // before it was given up
                const bool is_early = outcome == pg::Outcome::applied || outcome == pg::Outcome::not_sent;
                if (is_early && scripted->error().connection_usable()) return scripted->error();
                if (request.sql == "commit") status_ = Status::idle;  // one that fails ends its transaction too
                return note(scripted->error());
            }
            static_cast<void>(control(request.sql));
            return *std::move(scripted);
        }
        if (auto tag = control(request.sql)) return affected(std::move(*tag));
        return affected("SELECT 0");
    }
    std::optional<pg::Error> prepare_along(const pg::spi::Request& request) {
        if (server_->descriptions.empty()) return std::nullopt;
        pg::Expected<std::vector<Column>> next = std::move(server_->descriptions.front());
        server_->descriptions.pop_front();
        if (!next) return next.error();
        *request.prepare = std::make_shared<Table>(*next, std::vector<std::vector<Text>>{}, "");
        return std::nullopt;
    }
    /// What an error leaves behind.
    pg::Error note(const pg::Error& error) {
        if (!error.connection_usable())
            status_ = Status::unknown;
        else if (status_ == Status::open)
            status_ = Status::failed;
        return error;
    }
    /// The tag of a statement that begins or ends something.
    std::optional<std::string> control(std::string_view sql) {
        if (sql.starts_with("begin")) return status_ = Status::open, "BEGIN";
        if (sql == "commit") return std::exchange(status_, Status::idle) == Status::failed ? "ROLLBACK" : "COMMIT";
        if (sql.starts_with("rollback to")) return status_ = Status::open, "ROLLBACK";
        if (sql == "rollback") {
            if (!server_->ignores_rollback) status_ = Status::idle;
            return "ROLLBACK";
        }
        if (sql.starts_with("savepoint")) return "SAVEPOINT";
        if (sql.starts_with("release")) return "RELEASE";
        return std::nullopt;
    }

    std::shared_ptr<Server> server_;
    const std::shared_ptr<pg::spi::Reactor> reactor_ = server_->reactor;
    bool is_made_read_only_ = false;
    bool hears_of_settings_ = false;
    bool was_looked_at_ = false;
    int number_;
    std::shared_ptr<int> life_;
    Status status_ = Status::idle;
    std::map<std::string, std::string> named_;  // texts by the names that they were prepared under
};

/// What borrows a session: writes down when it is used after it.
class Borrower {
public:
    explicit Borrower(std::weak_ptr<int> session) : session_(std::move(session)) {}
    void touch(Server& server) const {
        if (session_.expired()) server.write_down("a session used after its end");
    }

private:
    std::weak_ptr<int> session_;
};

class Stream final : public pg::spi::RowStream {
public:
    Stream(std::shared_ptr<Server> server, Borrower session, pg::Result end)
        : server_(std::move(server)), session_(std::move(session)), end_(std::move(end)) {}
    ~Stream() override {
        session_.touch(*server_);
        server_->write_down("stream closed");
    }

private:
    pg::Expected<pg::Result> do_next(const pg::spi::Wait& wait) noexcept override {
        session_.touch(*server_);
        server_->last_wait = wait;
        if (server_->chunks.empty()) return end_;
        pg::Expected<pg::Result> next = std::move(server_->chunks.front());
        server_->chunks.pop_front();
        return next;
    }
    std::shared_ptr<Server> server_;
    Borrower session_;
    pg::Result end_;
};

class CopyIn final : public pg::spi::CopyIn {
public:
    CopyIn(std::shared_ptr<Server> server, Borrower session)
        : server_(std::move(server)), session_(std::move(session)) {}
    ~CopyIn() override {
        session_.touch(*server_);
        if (!ended_) server_->write_down("copy given up");
    }

private:
    pg::Expected<void> do_write(std::string_view bytes, const pg::spi::Wait& wait) noexcept override {
        server_->last_wait = wait;
        if (auto error = std::exchange(server_->copy_error, std::nullopt)) return *error;
        server_->copied += bytes;
        server_->writes.push_back({bytes.size(), wait.deadline});
        return {};
    }
    pg::Expected<std::uint64_t> do_finish(const pg::spi::Wait&) noexcept override {
        ended_ = true;
        server_->write_down("copy finished");
        if (auto error = std::exchange(server_->copy_error, std::nullopt)) return *error;
        return std::uint64_t{7};
    }
    pg::Expected<void> do_fail(std::string_view reason, const pg::spi::Wait&) noexcept override {
        ended_ = true;
        server_->write_down("copy failed: " + std::string(reason));
        if (auto error = std::exchange(server_->copy_error, std::nullopt)) return *error;
        return {};
    }
    std::size_t do_columns() const noexcept override { return server_->copy_columns; }

    std::shared_ptr<Server> server_;
    Borrower session_;
    bool ended_ = false;
};

class CopyOut final : public pg::spi::CopyOut {
public:
    CopyOut(std::shared_ptr<Server> server, Borrower session)
        : server_(std::move(server)), session_(std::move(session)) {}
    ~CopyOut() override {
        session_.touch(*server_);
        server_->write_down("copy closed");
    }

private:
    pg::Expected<std::optional<std::string_view>> do_read(const pg::spi::Wait& wait) noexcept override {
        server_->last_wait = wait;
        if (auto error = std::exchange(server_->copy_error, std::nullopt)) return *error;
        if (server_->pieces.empty()) return std::optional<std::string_view>();
        piece_ = std::move(server_->pieces.front());
        server_->pieces.pop_front();
        return std::optional<std::string_view>(piece_);
    }
    std::shared_ptr<Server> server_;
    Borrower session_;
    std::string piece_;
};

inline pg::Expected<std::unique_ptr<pg::spi::RowStream>> Session::do_stream(const pg::spi::Request& request,
                                                                            const Wait& wait) noexcept {
    server_->write_down("stream " + std::string(request.sql));
    auto first = answer(request, wait);
    if (!first) return std::move(first).error();
    return std::unique_ptr<pg::spi::RowStream>(std::make_unique<Stream>(server_, Borrower(life_), *std::move(first)));
}
inline pg::Expected<std::unique_ptr<pg::spi::CopyIn>> Session::do_copy_in(std::string_view sql,
                                                                          const Wait& wait) noexcept {
    server_->write_down(std::string(sql));
    auto begun = answer({.sql = sql, .statement = {}}, wait);
    if (!begun) return std::move(begun).error();
    return std::unique_ptr<pg::spi::CopyIn>(std::make_unique<CopyIn>(server_, Borrower(life_)));
}
inline pg::Expected<std::unique_ptr<pg::spi::CopyOut>> Session::do_copy_out(std::string_view sql,
                                                                            const Wait& wait) noexcept {
    server_->write_down(std::string(sql));
    auto begun = answer({.sql = sql, .statement = {}}, wait);
    if (!begun) return std::move(begun).error();
    return std::unique_ptr<pg::spi::CopyOut>(std::make_unique<CopyOut>(server_, Borrower(life_)));
}

class Provider final : public pg::spi::Provider {
public:
    explicit Provider(std::shared_ptr<Server> server) : server_(std::move(server)) {}
    [[nodiscard]] Spot& spot() { return *spot_; }

private:
    pg::Expected<std::unique_ptr<pg::spi::Session>> do_open(const pg::Config&, const pg::spi::SessionContext&,
                                                            const pg::spi::Wait&) noexcept override {
        server_->is_called();
        if (server_->refuses_to_open) return *server_->refuses_to_open;
        return std::unique_ptr<pg::spi::Session>(std::make_unique<Session>(server_));
    }
    std::string_view do_name() const noexcept override { return "fake"; }
    std::string_view do_version() const noexcept override { return "1"; }
    pg::spi::Capabilities do_capabilities() const noexcept override { return {true, true, true, true}; }

    std::shared_ptr<pg::spi::Reactor> do_reactor() noexcept override { return spot_; }

    std::shared_ptr<Server> server_;
    std::shared_ptr<Spot> spot_ = std::make_shared<Spot>();
};

/// What the catalogue says of types, each by: oid, schema, name, kind, category, array, element, names, types, labels.
inline pg::Expected<pg::Result> catalogue(std::vector<std::vector<Text>> types) {
    constexpr std::uint32_t oid = 26, text_array = 1009, oid_array = 1028;
    return rows({{"oid", oid},
                 {"nspname"},
                 {"typname"},
                 {"typtype"},
                 {"typcategory"},
                 {"typarray", oid},
                 {"element", oid},
                 {"names", text_array},
                 {"types", oid_array},
                 {"labels", text_array}},
                std::move(types));
}

/// A server and a client of it.
struct Database {
    explicit Database(std::size_t max_size = 2, std::shared_ptr<const pg::detail::Hooks> hooks = nullptr)
        : Database(of_size(max_size), {}, std::move(hooks)) {}
    explicit Database(const pg::pool::Limits& limits, pg::Config config = {},
                      std::shared_ptr<const pg::detail::Hooks> hooks = nullptr) {
        context->hooks = hooks;
        client = pg::Client(client.impl());  // which knows of the hooks
        auto pool =
            pg::pool::make_pool(provider, std::move(config),
                                pg::spi::SessionContext{types, nullptr, hooks ? hooks->observer : nullptr}, limits);
        context->pool = pool.get();
        context->source = std::move(pool);
    }

    static pg::pool::Limits of_size(std::size_t max_size) {
        pg::pool::Limits limits;
        limits.max_size = max_size;
        return limits;
    }

    std::shared_ptr<Server> server = std::make_shared<Server>();
    std::shared_ptr<Provider> provider = std::make_shared<Provider>(server);
    std::shared_ptr<pg::detail::Context> context = std::make_shared<pg::detail::Context>();
    std::shared_ptr<pg::TypeCatalog> types = context->types;
    pg::Client client{std::make_shared<pg::Client::Impl>(pg::Client::Impl{context})};
};

}  // namespace fake
