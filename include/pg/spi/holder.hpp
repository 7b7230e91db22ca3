// Holder: what a source knows of whoever has one of its sessions.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "pg/fwd.hpp"

namespace pg::spi {

/// Told by the borrower of a session, read by anybody meanwhile; but for what the source tells the borrower.
class PGCLIENT_API Holder {
public:
    /// Bytes of a statement that are kept; what is longer is cut.
    static constexpr std::size_t longest_text = 256;

    /// The session is lent anew: nothing is known of who has it.
    void begin() noexcept {
        line_.store(0, std::memory_order_relaxed);
        if (statement_) [[unlikely]]
            note({});
    }
    /// The place that holds it.
    void is_at(const CallSite& site) noexcept {
        file_.store(site.file, std::memory_order_relaxed);
        line_.store(site.line, std::memory_order_release);
    }
    /// A statement that it runs; costs a branch unless statements are kept.
    void runs(std::string_view sql) noexcept {
        if (statement_) [[unlikely]]
            note(sql);
    }
    /// Keeps the last statement from now on. While nobody has the session.
    void keep_statements() { statement_ = std::make_unique<Statement>(); }

    /// The source takes the session back, which was lent for longer than it may be. Before it ends the connection.
    void take_back() noexcept { is_taken_back_.store(true, std::memory_order_release); }
    /// True from then on, for good.
    [[nodiscard]] bool is_taken_back() const noexcept { return is_taken_back_.load(std::memory_order_acquire); }

    [[nodiscard]] CallSite site() const noexcept;  ///< without a file while nobody said
    [[nodiscard]] std::string statement() const;   ///< empty unless statements are kept

private:
    struct Statement {
        std::mutex mutex;  // guards what follows
        std::string text;
    };
    void note(std::string_view sql) noexcept;

    std::atomic<const char*> file_{nullptr};
    std::atomic<std::uint32_t> line_{0};      // 0: the file says nothing. Written last
    std::atomic<bool> is_taken_back_{false};  // for good: it is never lent again
    std::unique_ptr<Statement> statement_;
};

}  // namespace pg::spi
