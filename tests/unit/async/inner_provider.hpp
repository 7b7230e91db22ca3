// The provider under the provider "async" in its tests: it writes down what it is asked, and on which thread.
#pragma once

#include <algorithm>
#include <functional>
#include <mutex>
#include <thread>

#include "pg/spi/provider.hpp"
#include "pg/spi/waiter.hpp"

namespace pg::async {

/// What all sessions of one provider share. Thread-safe.
class Account {
public:
    struct Line {
        std::string what;
        std::thread::id thread;
        bool on_fiber;
    };

    void write_down(std::string what) {
        const std::lock_guard lock(mutex_);
        lines_.push_back({std::move(what), std::this_thread::get_id(), spi::Waiter::here() != nullptr});
    }
    [[nodiscard]] std::vector<Line> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(lines_, {});
    }
    [[nodiscard]] std::vector<std::string> take_names() {
        std::vector<std::string> names;
        for (Line& line : take()) names.push_back(std::move(line.what));
        return names;
    }

    std::optional<Error> refuses;      // everything that is begun, with this
    bool is_at_rest = false;           // every session, and alive
    std::function<bool()> is_alive{};  // says that instead, where there is one

private:
    std::mutex mutex_;  // guards lines_
    std::vector<Line> lines_;
};
using AccountPtr = std::shared_ptr<Account>;

class InnerStorage final : public ResultStorage {
public:
    InnerStorage() { tag_ = "INNER 1"; }

private:
    void do_read(std::size_t, std::span<const std::uint16_t>, Cell*) const noexcept override {}
    Cell do_cell(std::size_t, std::size_t) const noexcept override { return {}; }
};

/// Writes down its end, too.
template <class Base>
class Inner : public Base {
public:
    Inner(AccountPtr account, std::string name) : account_(std::move(account)), name_(std::move(name)) {}
    Inner(const Inner&) = delete;
    Inner& operator=(const Inner&) = delete;
    ~Inner() override { account_->write_down("~" + name_); }

protected:
    /// The answer to `what`, unless the account refuses.
    template <class T>
    Expected<T> answer(std::string what, T value) const {
        account_->write_down(std::move(what));
        if (account_->refuses) return *account_->refuses;
        return value;
    }
    Expected<void> answer(std::string what) const {
        account_->write_down(std::move(what));
        if (account_->refuses) return *account_->refuses;
        return {};
    }
    Expected<Result> result(std::string what) const {
        return answer(std::move(what), Result(std::make_shared<InnerStorage>()));
    }
    const AccountPtr account_;

private:
    std::string name_;
};

class InnerStream final : public Inner<spi::RowStream> {
public:
    using Inner::Inner;

private:
    Expected<Result> do_next(const spi::Wait&) noexcept override { return result("next"); }
};

class InnerCopyIn final : public Inner<spi::CopyIn> {
public:
    using Inner::Inner;

private:
    Expected<void> do_write(std::string_view bytes, const spi::Wait&) noexcept override {
        return answer("write " + std::string(bytes));
    }
    Expected<std::uint64_t> do_finish(const spi::Wait&) noexcept override { return answer("finish", std::uint64_t{7}); }
    Expected<void> do_fail(std::string_view reason, const spi::Wait&) noexcept override {
        return answer("fail " + std::string(reason));
    }
    std::size_t do_columns() const noexcept override { return 3; }
};

class InnerCopyOut final : public Inner<spi::CopyOut> {
public:
    using Inner::Inner;

private:
    Expected<std::optional<std::string_view>> do_read(const spi::Wait&) noexcept override {
        return answer("read", std::optional<std::string_view>("piece"));
    }
};

class InnerSession final : public Inner<spi::Session> {
public:
    using Inner::Inner;

private:
    Expected<Result> do_run(const spi::Request& request, const spi::Wait&) noexcept override {
        return result("run " + std::string(request.sql));
    }
    void do_run_batch(std::span<spi::BatchItem* const> items, spi::BatchSync, const spi::Wait&) noexcept override {
        for (spi::BatchItem* item : items) item->outcome.emplace(result("batch " + std::string(item->request.sql)));
    }
    void do_run_pipeline(spi::RequestFeed& feed) noexcept override {
        while (const spi::Request* request = feed.next()) feed.answer(result("pipeline " + std::string(request->sql)));
    }
    Expected<spi::CommandTag> do_run_script(std::string_view text, const spi::Wait&) noexcept override {
        return answer("script " + std::string(text), spi::CommandTag("SCRIPT"));
    }
    Expected<std::unique_ptr<spi::RowStream>> do_stream(const spi::Request& request,
                                                        const spi::Wait&) noexcept override {
        return begin<InnerStream, spi::RowStream>("stream", request.sql);
    }
    Expected<std::unique_ptr<spi::CopyIn>> do_copy_in(std::string_view sql, const spi::Wait&) noexcept override {
        return begin<InnerCopyIn, spi::CopyIn>("copy_in", sql);
    }
    Expected<std::unique_ptr<spi::CopyOut>> do_copy_out(std::string_view sql, const spi::Wait&) noexcept override {
        return begin<InnerCopyOut, spi::CopyOut>("copy_out", sql);
    }
    Expected<spi::Description> do_prepare(std::string_view name, std::string_view sql, std::span<const Oid> types,
                                          const spi::Wait&) noexcept override {
        spi::Description description;
        description.parameters.assign(types.begin(), types.end());
        return answer("prepare " + std::string(name) + " as " + std::string(sql), std::move(description));
    }
    void do_forget(std::string_view) noexcept override {}
    Expected<std::optional<Notification>> do_wait_notification(const spi::Wait&) noexcept override {
        return answer("wait_notification", std::optional(Notification{"channel", "payload", 5}));
    }
    spi::TransactionStatus do_transaction_status() const noexcept override {
        return account_->is_at_rest ? spi::TransactionStatus::idle : spi::TransactionStatus::failed;
    }
    bool do_alive() noexcept override { return account_->is_alive ? account_->is_alive() : account_->is_at_rest; }
    std::string_view do_parameter(const char* name) const noexcept override {
        return std::string_view(name) == "TimeZone" ? "UTC" : "";
    }
    int do_backend_process() const noexcept override { return 4711; }
    int do_server_version() const noexcept override { return 150018; }
    std::string_view do_node() const noexcept override { return "nowhere:5432"; }
    std::string_view do_engine() const noexcept override { return "inner"; }

    template <class Made, class As>
    Expected<std::unique_ptr<As>> begin(const std::string& what, std::string_view sql) {
        if (auto begun = answer(what + " " + std::string(sql)); !begun) return std::move(begun).error();
        return std::unique_ptr<As>(std::make_unique<Made>(account_, what));
    }
};

class InnerProvider final : public spi::Provider {
public:
    explicit InnerProvider(AccountPtr account) : account_(std::move(account)) {}

private:
    Expected<std::unique_ptr<spi::Session>> do_open(const Config&, const spi::SessionContext&,
                                                    const spi::Wait&) noexcept override {
        account_->write_down("open");
        if (account_->refuses) return *account_->refuses;
        return std::unique_ptr<spi::Session>(std::make_unique<InnerSession>(account_, "session"));
    }
    std::string_view do_name() const noexcept override { return "inner"; }
    std::string_view do_version() const noexcept override { return "inner 1.2"; }
    spi::Capabilities do_capabilities() const noexcept override { return {.copy = true, .streaming = true}; }

    const AccountPtr account_;
};

}  // namespace pg::async
