// Reading ahead of libpq.
#include "providers/libpq/authentication.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <sys/socket.h>

#include "providers/libpq/direct_tls.hpp"
#include "src/wire/server_messages.hpp"

namespace pg::libpq {
namespace {

/// libpq refuses a message of authentication with more bytes than that.
constexpr std::size_t longest_message = 2000;
/// What it takes for the length of a report; another is the text of one without any.
constexpr std::size_t longest_report = 30000;

constexpr std::size_t header = 1 + sizeof(std::uint32_t);

/// Whether a SASLContinue asks for more: "r=nonce,s=salt,i=iterations". The number is what libpq makes of the text,
/// which takes blanks and a sign before it, and 64 bits for 32.
bool is_excessive(std::string_view challenge, std::uint32_t most_iterations) noexcept {
    constexpr std::string_view attribute = ",i=";
    const std::size_t at = challenge.find(attribute);
    if (at == std::string_view::npos) return false;
    const std::string number(challenge.substr(at + attribute.size()));
    const long iterations = std::strtol(number.c_str(), nullptr, 10);
    return iterations > static_cast<long>(most_iterations) || iterations < std::numeric_limits<int>::min();
}

struct Seen {
    std::string_view bytes{};
    const char* alert = nullptr;
    bool is_to_come = false;
};

/// Copies what waits and leaves it there; nothing when it cannot be seen. An alert of TLS is taken by whoever looks.
Seen peek(PGconn* connection, std::span<char> room) noexcept {
    const auto seen = [&](auto count) { return Seen{{room.data(), count > 0 ? static_cast<std::size_t>(count) : 0}}; };
    if (PQsslInUse(connection) == 0)
        return seen(::recv(PQsocket(connection), room.data(), room.size(), MSG_PEEK | MSG_DONTWAIT));
    void* const tls = PQsslStruct(connection, "OpenSSL");
    const direct::TlsFunctions& functions = direct::tls_functions();
    if (tls == nullptr || !functions.complete()) return {};
    functions.clear_error();
    const int count = functions.peek(tls, room.data(), static_cast<int>(room.size()));
    const int problem = count > 0 ? 0 : functions.get_error(tls, count);
    if (problem == direct::ssl_error_want_read) return {.is_to_come = true};
    if (problem == direct::ssl_error_ssl) {
        const char* reason = functions.reason(functions.take_error());
        const bool is_alert = reason != nullptr && std::strstr(reason, "alert") != nullptr;  // else libpq fails as well
        return {.alert = is_alert ? reason : nullptr};
    }
    return seen(count);
}

}  // namespace

Demand judge_demand(std::string_view bytes, std::uint32_t most_iterations) noexcept {
    const auto is_next = [&](wire::ServerType type) {
        return !bytes.empty() && bytes.front() == static_cast<char>(type);
    };
    while (is_next(wire::ServerType::authentication) || is_next(wire::ServerType::negotiate_version)) {
        if (bytes.size() < header) return Demand::unfinished;
        const std::size_t length = wire::load<std::uint32_t>(bytes.data() + 1);
        if (length < 2 * sizeof(std::uint32_t) || length > longest_message) return Demand::fair;
        if (bytes.size() - 1 < length) return Demand::unfinished;
        const std::string_view message = bytes.substr(0, 1 + length);
        bytes.remove_prefix(message.size());
        if (message.front() != static_cast<char>(wire::ServerType::authentication)) continue;
        const auto request = static_cast<wire::AuthRequest>(wire::load<std::int32_t>(message.data() + header));
        if (request == wire::AuthRequest::ok) return Demand::fair;
        if (request == wire::AuthRequest::sasl_continue && is_excessive(message, most_iterations))
            return Demand::excessive;
    }
    return Demand::fair;
}

bool is_plain_report(std::string_view bytes) noexcept {
    if (bytes.size() < header || bytes.front() != static_cast<char>(wire::ServerType::error)) return false;
    const auto length = wire::load<std::uint32_t>(bytes.data() + 1);
    return length < 2 * sizeof(std::uint32_t) || length > longest_report;
}

Ahead LookAhead::look(PGconn* connection) {
    std::array<char, 2 * longest_message> room;
    const Seen seen = peek(connection, room);
    if (seen.is_to_come || seen.alert != nullptr)
        return {.demand = Demand::fair, .alert = seen.alert, .plain_report = false, .is_to_come = seen.is_to_come};
    const bool in_records = PQsslInUse(connection) != 0;
    Demand demand = judge_demand(in_records ? taken_.append(seen.bytes) : seen.bytes, most_iterations_);
    if (demand != Demand::unfinished) taken_.clear();
    // libpq is to take the record, or none comes behind it: no more of it than was seen.
    if (in_records && demand == Demand::unfinished)
        demand = seen.bytes.size() == room.size() ? Demand::excessive : Demand::fair;
    return {.demand = demand, .alert = nullptr, .plain_report = is_plain_report(seen.bytes), .is_to_come = false};
}

}  // namespace pg::libpq
