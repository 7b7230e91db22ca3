// The loop over hosts and addresses, and one attempt by PQconnectStart and PQconnectPoll.
#include "providers/libpq/connect.hpp"

#include <algorithm>
#include <optional>

#include "providers/libpq/authentication.hpp"
#include "providers/libpq/connect_error.hpp"
#include "providers/libpq/english.hpp"
#include "providers/libpq/error.hpp"
#include "providers/libpq/target.hpp"

namespace pg::libpq {
namespace {

using SessionPointer = std::unique_ptr<spi::Session>;

/// When to look again for the rest of a message.
constexpr std::chrono::milliseconds look_again{1};

void ignore_notice(void*, const PGresult*) {}

/// What one place gets of the time: an equal share with those behind it.
Deadline share(const Deadline& deadline, std::size_t places) {
    if (deadline.is_never()) return deadline;
    return Deadline::after(deadline.remaining() / static_cast<std::int64_t>(std::max<std::size_t>(places, 1)));
}

/// Tries the hosts of one target, and keeps what it heard from each.
class Attempts {
public:
    Attempts(const Target& target, Resolver& resolver, const MakeSession& make_session, const spi::Wait& wait)
        : target_(target), resolver_(resolver), make_session_(make_session), wait_(wait) {}

    Expected<SessionPointer> run() {
        std::size_t places = target_.passes().size() * target_.hosts().size();
        for (const std::string& attributes : target_.passes()) {
            for (const Host& host : target_.hosts()) {
                if (auto session = try_host(host, attributes, share(wait_.deadline, places--))) return session;
                if (!may_try_next(failures_.back().fields)) return all_failed();
            }
        }
        return all_failed();
    }

private:
    struct Failure {
        std::string node;
        ErrorFields fields;
    };

    /// Null when all its addresses failed, and then its failures are the last.
    SessionPointer try_host(const Host& host, const std::string& attributes, const Deadline& until) {
        const bool is_socket = host.host.empty() || host.host.front() == '/' || host.host.front() == '@';
        std::vector<std::string> addresses{host.hostaddr};
        if (host.hostaddr.empty() && !is_socket) {
            auto resolved = resolver_.resolve(host.host, {.deadline = attempt_deadline(until), .stop = wait_.stop});
            if (!resolved) {
                ErrorFields fields = resolved.error().fields();
                fields.message = "the name cannot be resolved: " + fields.message;
                fail(host, std::move(fields));
                return nullptr;
            }
            addresses = *std::move(resolved);
            target_.balance(addresses);
        }
        std::size_t left = addresses.size();
        for (const std::string& address : addresses) {
            const Deadline mine = attempt_deadline(share(until, left--));
            if (auto connection = attempt(host, address, attributes, mine))
                if (auto session = make_session(host, std::move(connection), mine)) return session;
            if (!may_try_next(failures_.back().fields)) break;
        }
        return nullptr;
    }

    SessionPointer make_session(const Host& host, ConnectionHandle connection, const Deadline& until) {
        auto session = make_session_({std::move(connection), node_name(host), target_.has_pooler()},
                                     {.deadline = until, .stop = wait_.stop});
        if (session) return *std::move(session);
        fail(host, session.error().fields());
        return nullptr;
    }

    [[nodiscard]] Deadline attempt_deadline(const Deadline& until) const {
        return earlier(until, Deadline::after(target_.attempt_timeout()));
    }

    /// One attempt. Null when it failed, and then its failure is the last.
    ConnectionHandle attempt(const Host& host, const std::string& address, const std::string& attributes,
                             const Deadline& until) {
        Target::Words words = target_.words(host, address, attributes);
        ConnectionHandle connection(english_.speak([&] { return PQconnectStart(words.conninfo.reveal().data()); }));
        words.conninfo = {};  // libpq has its own
        PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
        PQsetNoticeReceiver(connection.get(), &ignore_notice, nullptr);

        ConnectPhase phase = ConnectPhase::connect;
        bool has_process = true;  // the server, for who connects
        LookAhead server(target_.most_scram_iterations());
        PostgresPollingStatusType polled = PGRES_POLLING_WRITING;
        while (polled != PGRES_POLLING_OK) {
            const ConnStatusType status = PQstatus(connection.get());
            if (status == CONNECTION_BAD || polled == PGRES_POLLING_FAILED) {
                fail(host, connect_failure(connection.get(), {.phase = phase,
                                                              .wants_attributes = attributes != "any",
                                                              .password_problem = words.password_problem,
                                                              .through_pooler = target_.has_pooler()}));
                return nullptr;
            }
            phase = has_process ? phase_of(status) : ConnectPhase::connect;
            const bool reads = polled == PGRES_POLLING_READING;
            pollfd socket{.fd = PQsocket(connection.get()), .events = POLLOUT, .revents = 0};
            if (reads) socket.events = POLLIN | POLLRDHUP;
            const Woken woken = wait_for(std::span(&socket, 1), {.deadline = until, .stop = wait_.stop});
            if (woken != Woken::ready) {
                fail(host, ended_early(woken, phase));
                return nullptr;
            }
            if (reads && phase == ConnectPhase::authentication) {
                const Ahead ahead = server.look(connection.get());
                if (ahead.is_to_come) continue;
                if (ahead.alert != nullptr || ahead.demand == Demand::excessive) {
                    fail(host, ahead.alert != nullptr ? ended_by_alert(ahead.alert) : too_many_iterations());
                    return nullptr;
                }
                has_process = !ahead.plain_report;
                if (!has_process) phase = ConnectPhase::connect;
                if (ahead.demand == Demand::unfinished && (socket.revents & ~POLLIN) == 0) {
                    // The socket can be read as it is, so that only time can be waited for.
                    static_cast<void>(wait_for({}, {.deadline = earlier(until, Deadline::after(look_again))}));
                    continue;
                }
            }
            polled = english_.speak([&] { return PQconnectPoll(connection.get()); });
        }
        PQsetErrorVerbosity(connection.get(), PQERRORS_TERSE);
        return connection;
    }

    void fail(const Host& host, ErrorFields fields) { failures_.push_back({node_name(host), std::move(fields)}); }

    static ErrorFields ended_early(Woken woken, ConnectPhase phase) {
        ErrorFields fields{.kind = ErrorKind::timeout,
                           .outcome = Outcome::not_sent,
                           .retry_scope = RetryScope::connect,
                           .connection_usable = false};
        if (woken == Woken::stopped) fields.kind = ErrorKind::cancelled;
        fields.message = woken == Woken::stopped ? "a stop was asked for (" : "no answer in time (";
        fields.message.append(to_string(phase)).append(")");
        return fields;
    }

    static ErrorFields ended_by_alert(const char* reason) {
        return {.kind = ErrorKind::tls,
                .outcome = Outcome::not_sent,
                .connection_usable = false,
                .message = std::string("SSL error: ") + reason + " (authentication)"};
    }

    [[nodiscard]] ErrorFields too_many_iterations() const {
        return {.kind = ErrorKind::connect,
                .outcome = Outcome::not_sent,
                .connection_usable = false,
                .message = "the server asks for more iterations of SCRAM than scram_max_iterations=" +
                           std::to_string(target_.most_scram_iterations()) + " allows (authentication)"};
    }

    /// The last failure, which names the others.
    [[nodiscard]] Error all_failed() const {
        ErrorFields fields = failures_.back().fields;
        std::string message = "connect ";
        for (const Failure& failure : failures_) {
            if (&failure != &failures_.front()) message += "; ";
            message += failure.node;
            if (&failure == &failures_.front()) message += " as " + target_.user();
            message += ": " + failure.fields.message;
        }
        fields.message = std::move(message);
        fields.node = failures_.back().node;
        if (fields.engine.empty()) fields.engine = engine_name;
        return Error(std::move(fields));
    }

    const Target& target_;
    Resolver& resolver_;
    const MakeSession& make_session_;
    spi::Wait wait_;
    const English english_;
    std::vector<Failure> failures_;
};

}  // namespace

Expected<SessionPointer> connect(const Config& config, Resolver& resolver, const MakeSession& make_session,
                                 const spi::Wait& wait) {
    const Expected<Target> target = Target::from(config);
    if (!target) return target.error();
    return Attempts(*target, resolver, make_session, wait).run();
}

}  // namespace pg::libpq
