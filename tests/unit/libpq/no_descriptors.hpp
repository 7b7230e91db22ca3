// NoDescriptors: while it lives, the process gets no file descriptor more.
#pragma once

#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace pg::libpq {

class NoDescriptors {
public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit few{.rlim_cur = 64, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &few);
        for (int taken = ::dup(STDERR_FILENO); taken >= 0; taken = ::dup(STDERR_FILENO)) taken_.push_back(taken);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() {
        for (const int taken : taken_) ::close(taken);
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }

private:
    rlimit before_{};
    std::vector<int> taken_;
};

}  // namespace pg::libpq
