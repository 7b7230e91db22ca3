// CredentialDesk: where those who open sessions of a pool wait for its password. Internal to pool.
#pragma once

#include <memory>
#include <mutex>
#include <thread>

#include "pg/spi/request.hpp"
#include "src/base/fork.hpp"
#include "src/pool/credential_book.hpp"

namespace pg::pool {

/// Thread-safe. A question that is under way keeps it alive, and holds up nobody.
class CredentialDesk final : public std::enable_shared_from_this<CredentialDesk> {
public:
    explicit CredentialDesk(std::shared_ptr<CredentialSource> source) : source_(std::move(source)) {}
    ~CredentialDesk();

    /// The password for now. Waits for it on a fiber or a thread.
    [[nodiscard]] Expected<Password> password(const spi::Wait& wait);
    void accepted();
    /// As in the book.
    [[nodiscard]] bool refused(std::uint64_t number);

private:
    struct Question;

    [[nodiscard]] bool begin(const std::shared_ptr<Question>& question, const Deadline& until);
    void run(Question& question, const Deadline& until);

    const detail::Birthplace birthplace_;
    const std::shared_ptr<CredentialSource> source_;
    std::mutex mutex_;  // guards what follows
    CredentialBook book_;
    std::shared_ptr<Question> question_;  // the last one; null before the first
    std::thread thread_;                  // of that
};

}  // namespace pg::pool
