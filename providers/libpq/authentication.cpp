// Reading ahead of libpq.
#include "providers/libpq/authentication.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <sys/socket.h>

#include "providers/libpq/direct_tls.hpp"
#include "src/wire/server_messages.hpp"

namespace pg::libpq {
namespace {

/// libpq refuses a message of authentication with more bytes than that.
constexpr std::size_t longest_message = 2000;

/// Whether a SASLContinue asks for more: "r=nonce,s=salt,i=iterations".
bool is_excessive(std::string_view challenge, std::uint32_t most_iterations) noexcept {
    constexpr std::string_view attribute = ",i=";
    const std::size_t at = challenge.find(attribute);
    if (at == std::string_view::npos) return false;
    challenge.remove_prefix(at + attribute.size());
    std::uint32_t iterations = 0;
    const auto read = std::from_chars(challenge.data(), challenge.data() + challenge.size(), iterations);
    return read.ec == std::errc::result_out_of_range || iterations > most_iterations;
}

/// Copies what waits and leaves it there; nothing when it cannot be seen.
std::string_view peek(PGconn* connection, std::span<char> room) noexcept {
    const auto seen = [&](auto count) {
        return count > 0 ? std::string_view(room.data(), static_cast<std::size_t>(count)) : std::string_view();
    };
    if (PQsslInUse(connection) == 0)
        return seen(::recv(PQsocket(connection), room.data(), room.size(), MSG_PEEK | MSG_DONTWAIT));
    void* const tls = PQsslStruct(connection, "OpenSSL");
    const direct::TlsFunctions& functions = direct::tls_functions();
    if (tls == nullptr || functions.peek == nullptr || functions.clear_error == nullptr) return {};
    functions.clear_error();
    return seen(functions.peek(tls, room.data(), static_cast<int>(room.size())));
}

}  // namespace

Demand judge_demand(std::string_view bytes, std::uint32_t most_iterations) noexcept {
    constexpr std::size_t header = 1 + sizeof(std::uint32_t);
    while (!bytes.empty() && bytes.front() == static_cast<char>(wire::ServerType::authentication)) {
        if (bytes.size() < header) return Demand::unfinished;
        const std::size_t length = wire::load<std::uint32_t>(bytes.data() + 1);
        if (length < 2 * sizeof(std::uint32_t) || length > longest_message) return Demand::fair;
        if (bytes.size() - 1 < length) return Demand::unfinished;
        const auto request = static_cast<wire::AuthRequest>(wire::load<std::int32_t>(bytes.data() + header));
        if (request == wire::AuthRequest::ok) return Demand::fair;
        if (request == wire::AuthRequest::sasl_continue && is_excessive(bytes.substr(0, 1 + length), most_iterations))
            return Demand::excessive;
        bytes.remove_prefix(1 + length);
    }
    return Demand::fair;
}

Demand demand_on(PGconn* connection, std::uint32_t most_iterations) noexcept {
    std::array<char, 2 * longest_message> room;
    const Demand demand = judge_demand(peek(connection, room), most_iterations);
    return demand == Demand::unfinished && PQsslInUse(connection) != 0 ? Demand::fair : demand;
}

}  // namespace pg::libpq
