// Looking names up on worker threads.
#include "providers/libpq/resolver.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <memory>
#include <netdb.h>
#include <sys/socket.h>

namespace pg::libpq {
namespace {

class LookUpJob final : public Job {
public:
    LookUpJob(LookUp look_up, const std::string& name) : Job(name), look_up_(look_up), name_(name) {}
    /// Once it is done.
    [[nodiscard]] Addresses& answer() { return answer_; }

private:
    void run() noexcept override { answer_ = look_up_(name_); }
    bool take_answer(Job& other) noexcept override {
        answer_ = static_cast<LookUpJob&>(other).answer_;
        return true;
    }

    LookUp look_up_;
    std::string name_;
    Addresses answer_;
};

struct FreeAddresses {
    void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

bool is_numeric(const std::string& name) {
    in6_addr room{};
    // An address with a zone ("fe80::1%eth0") needs no look-up either.
    const std::string without_zone = name.substr(0, name.find('%'));
    return ::inet_pton(AF_INET, name.c_str(), &room) == 1 || ::inet_pton(AF_INET6, without_zone.c_str(), &room) == 1;
}

Error problem(ErrorKind kind, std::string message) {
    return Error({.kind = kind,
                  .outcome = Outcome::not_sent,
                  .retry_scope = RetryScope::connect,
                  .connection_usable = false,
                  .message = std::move(message)});
}

}  // namespace

Addresses look_up(const std::string& name) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int failure = ::getaddrinfo(name.c_str(), nullptr, &hints, &list);
    if (failure != 0) return {.numeric = {}, .problem = ::gai_strerror(failure)};
    const std::unique_ptr<addrinfo, FreeAddresses> owned(list);

    Addresses found;
    for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
        char text[NI_MAXHOST];
        if (::getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
        if (std::find(found.numeric.begin(), found.numeric.end(), text) == found.numeric.end())
            found.numeric.emplace_back(text);
    }
    if (found.numeric.empty()) found.problem = "it has no address";
    return found;
}

Expected<std::vector<std::string>> Resolver::resolve(const std::string& name, const spi::Wait& wait) {
    if (is_numeric(name)) return std::vector<std::string>{name};
    auto job = std::make_shared<LookUpJob>(look_up_, name);
    if (job->descriptor() < 0)
        return problem(ErrorKind::connect, "the process has no file descriptor left to wait for the answer with");
    if (!workers_.submit(job)) return problem(ErrorKind::connect, "too many names wait to be resolved already");
    Woken woken = Woken::ready;
    while (!job->done() && (woken = look(wait)) == Woken::ready) {
        woken = wait_for(job->descriptor(), POLLIN, wait);
        if (woken != Woken::ready) break;
    }
    if (!job->done()) {
        abandoned_.fetch_add(1, std::memory_order_relaxed);
        workers_.withdraw(*job);
        if (woken == Woken::stopped) return problem(ErrorKind::cancelled, "a stop was asked for");
        return problem(ErrorKind::timeout, "the deadline passed while its name was being resolved");
    }
    if (!job->answer().problem.empty()) return problem(ErrorKind::connect, job->answer().problem);
    return std::move(job->answer().numeric);
}

Resolver& process_resolver() {
    static auto* const one = new Resolver(&look_up);
    static const EndAtExit<Resolver> at_exit{*one};
    return *one;
}

}  // namespace pg::libpq
