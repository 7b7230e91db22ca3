// The component's own way into a server: startup without authentication, one simple query.
#include "src/testing/admin_session.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "src/testing/descriptor.hpp"
#include "src/testing/failure.hpp"
#include "src/testing/waiting.hpp"

namespace pg::testing {
namespace {

void append_int32(std::string& bytes, std::size_t value) {
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>((value >> shift) & 0xFFU);
}

std::uint32_t read_int32(std::string_view bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8U | static_cast<unsigned char>(bytes[i]);
    return value;
}

std::string startup_message() {
    using std::string_view_literals::operator""sv;
    constexpr auto parameters = "user\0postgres\0database\0template1\0application_name\0pgclient testing\0\0"sv;
    constexpr std::size_t protocol_3_0 = 196608;
    std::string message;
    append_int32(message, 8 + parameters.size());
    append_int32(message, protocol_3_0);
    return message.append(parameters);
}

std::string query_message(std::string_view sql) {
    std::string message = "Q";
    append_int32(message, 4 + sql.size() + 1);
    message.append(sql);
    return message += '\0';
}

Error server_error(std::string_view fields) {
    ErrorFields error;
    error.kind = ErrorKind::server;
    error.outcome = Outcome::not_applied;
    while (fields.size() > 1 && fields.front() != '\0') {
        const char code = fields.front();
        const auto end = fields.find('\0');
        if (end == std::string_view::npos) break;
        const auto value = fields.substr(1, end - 1);
        fields.remove_prefix(end + 1);
        switch (code) {
            case 'V': error.severity = value; break;
            case 'C': error.sqlstate = SqlState(value); break;
            case 'M': error.message = value; break;
            case 'D': error.detail = value; break;
            case 'H': error.hint = value; break;
            default: break;
        }
    }
    return Error(std::move(error));
}

/// One session, from connect to close. Handle.
class Session final {
public:
    explicit Session(Deadline deadline) : deadline_(deadline) {}

    Expected<void> connect(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path.size() >= sizeof address.sun_path) return system_failure("connect to " + path, ENAMETOOLONG);
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        socket_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!socket_) return system_failure("connect to " + path, errno);
        // A server that takes nobody in lets its line of clients fill up, and then connecting waits.
        if (const int left = poll_timeout(deadline_); left >= 0) {
            const timeval limit{.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 + 1};  // zero is no limit
            static_cast<void>(::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
        }
        const void* untyped = &address;
        if (::connect(socket_.get(), static_cast<const sockaddr*>(untyped), sizeof address) != 0) {
            if (errno == EAGAIN) return failure(ErrorKind::timeout, "the server did not let anybody in in time");
            return system_failure("connect to " + path, errno);
        }
        return converse(startup_message());
    }

    /// Sends a message and reads until the server is ready for the next one.
    Expected<void> converse(std::string_view message) {
        while (!message.empty()) {
            const ssize_t sent = ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EINTR) return lost();
            if (sent > 0) message.remove_prefix(static_cast<std::size_t>(sent));
        }
        Expected<void> outcome;
        for (;;) {
            auto type = receive();
            if (!type) return std::move(type).error();
            switch (*type) {
                case 'E': outcome = server_error(body_); break;
                case 'R':
                    if (body_.size() < 4 || read_int32(body_) != 0)
                        return failure(ErrorKind::protocol, "the server asks template1 for credentials", {},
                                       "leave the first line of pg_hba.conf as it was");
                    break;
                case 'Z': return outcome;
                default: break;
            }
            if (*type == 'E' && outcome.error().severity() == "FATAL") return outcome;
        }
    }

private:
    static Error lost() { return failure(ErrorKind::connection_lost, "the server closed the connection"); }

    /// The type of the next message; its content is `body_`.
    Expected<char> receive() {
        constexpr std::size_t header_size = 5;
        auto read = fill(header_size);
        if (!read) return std::move(read).error();
        const char type = input_[0];
        const std::size_t size = read_int32(std::string_view(input_).substr(1));
        if (size < 4) return failure(ErrorKind::protocol, "the server sent a message of an impossible size");
        read = fill(1 + size);
        if (!read) return std::move(read).error();
        body_ = input_.substr(header_size, size - 4);
        input_.erase(0, 1 + size);
        return type;
    }

    /// Reads until `input_` holds at least `size` bytes.
    Expected<void> fill(std::size_t size) {
        std::array<char, 4096> buffer{};
        while (input_.size() < size) {
            pollfd readable{.fd = socket_.get(), .events = POLLIN, .revents = 0};
            if (::poll(&readable, 1, poll_timeout(deadline_)) <= 0) {
                if (deadline_.passed()) return failure(ErrorKind::timeout, "the server did not answer in time");
                continue;
            }
            const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return lost();
            input_.append(buffer.data(), static_cast<std::size_t>(count));
        }
        return {};
    }

    Deadline deadline_;
    Descriptor socket_;
    std::string input_;
    std::string body_;
};

}  // namespace

Expected<void> execute(const std::string& socket_path, std::string_view sql, Deadline deadline) {
    Session session(deadline);
    auto outcome = session.connect(socket_path);
    if (!outcome) return outcome;
    return session.converse(query_message(sql));
}

}  // namespace pg::testing
