// Records what real servers say to the script: one pgNN.bin in the given folder for every major that is installed.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "pg/testing/test_server.hpp"
#include "tests/unit/wire/recordings/script.hpp"

namespace {

using wire_recordings::Step;

/// A connection that cuts messages by itself: a recording must not depend on the reader that it is for.
class Connection final {
public:
    explicit Connection(const std::string& path) : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        if (socket_ < 0 || connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("connect to " + path + " failed");
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { close(socket_); }

    /// Says what the step says, and listens until it is answered.
    void take(const Step& step) {
        if (send(socket_, step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(step.bytes.size()))
            throw std::runtime_error("sending failed");
        for (int awaited = step.count; awaited > 0;) awaited -= next_type() == static_cast<char>(step.until);
    }

    /// Listens until the server leaves.
    void take_rest() {
        while (receive()) continue;
    }

    [[nodiscard]] const std::string& heard() const { return heard_; }

private:
    /// Passes over one message.
    char next_type() {
        constexpr std::size_t header = 5;
        await(header);
        std::size_t length = 0;
        for (std::size_t i = 1; i < header; ++i) length = length << 8 | static_cast<unsigned char>(heard_[at_ + i]);
        await(1 + length);
        return heard_[std::exchange(at_, at_ + 1 + length)];
    }

    void await(std::size_t count) {
        while (heard_.size() - at_ < count)
            if (!receive()) throw std::runtime_error("the server left too soon");
    }

    /// False when the server has left.
    bool receive() {
        pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
        constexpr int ten_seconds = 10000;
        if (poll(&readable, 1, ten_seconds) != 1)
            throw std::runtime_error("no answer; the script waits for what does not come");
        std::array<char, 4096> bytes;
        const ssize_t count = recv(socket_, bytes.data(), bytes.size(), 0);
        if (count > 0) heard_.append(bytes.data(), static_cast<std::size_t>(count));
        return count > 0;
    }

    int socket_;
    std::string heard_;
    std::size_t at_ = 0;
};

void record(int major, const std::string& folder) {
    const auto server = pg::testing::TestServer::start({.major = major});
    Connection connection(server.socket_folder() + "/.s.PGSQL." + std::to_string(server.port()));
    int number = 0;
    for (const Step& step : wire_recordings::script()) {
        try {
            connection.take(step);
        } catch (const std::runtime_error& failure) {
            throw std::runtime_error("step " + std::to_string(number) + ": " + failure.what() +
                                     "; the server's log:\n" + server.log());
        }
        ++number;
    }
    connection.take_rest();
    const std::string name = folder + "/pg" + std::to_string(major) + ".bin";
    std::ofstream file(name, std::ios::binary);
    file << connection.heard();
    if (!file.flush()) throw std::runtime_error("writing " + name + " failed");
    std::printf("%s: %zu bytes\n", name.c_str(), connection.heard().size());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    for (const int major : pg::testing::TestServer::installed_majors()) {
        try {
            record(major, argv[1]);
        } catch (const std::exception& failure) {
            std::fprintf(stderr, "PostgreSQL %d: %s\n", major, failure.what());
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
