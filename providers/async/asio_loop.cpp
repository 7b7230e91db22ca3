// The loop over asio: the only file that knows it.
#include "providers/async/asio_loop.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <exception>
#include <poll.h>
#include <vector>

namespace pg::async {
namespace {

/// One descriptor that is watched, or was. Its turn tells a late answer of asio from that which is waited for.
struct Watched {
    explicit Watched(asio::io_context& context) : descriptor(context) {}
    asio::posix::stream_descriptor descriptor;
    spi::Job* job = nullptr;
    std::uint64_t turn = 0;

    /// Leaves the descriptor to its owner, and out of asio's reactor.
    spi::Job* end() noexcept {
        ++turn;
        descriptor.release();
        return std::exchange(job, nullptr);
    }
};

}  // namespace

struct AsioLoop::Impl {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    asio::steady_timer alarm{context};
    std::vector<std::unique_ptr<Watched>> watched;  // by descriptor; null: never was

    Watched& at(int descriptor) {
        const auto place = static_cast<std::size_t>(descriptor);
        if (place >= watched.size()) watched.resize(place + 1);
        if (!watched[place]) watched[place] = std::make_unique<Watched>(context);
        return *watched[place];
    }
    void wait(Watched& one, asio::posix::descriptor_base::wait_type what) {
        one.descriptor.async_wait(what, [&one, turn = one.turn](const asio::error_code&) {
            if (one.turn == turn && one.job != nullptr) one.end()->run();
        });
    }
};

AsioLoop::AsioLoop() : impl_(std::make_unique<Impl>()) {}
AsioLoop::~AsioLoop() = default;

void AsioLoop::do_run_until_stopped() {
    runner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    impl_->context.run();
}

void AsioLoop::do_run_one() {
    impl_->context.restart();
    impl_->context.run_one();
}

void AsioLoop::do_stop() noexcept { impl_->context.stop(); }

void AsioLoop::do_post(spi::Job& job) noexcept {
    asio::post(impl_->context, [&job] { job.run(); });
}

bool AsioLoop::do_watch(int descriptor, short events, spi::Job& job) noexcept {
    try {
        Watched& one = impl_->at(descriptor);
        asio::error_code failure;
        if (one.descriptor.assign(descriptor, failure); failure) return false;
        one.job = &job;
        if ((events & POLLOUT) != 0) impl_->wait(one, asio::posix::descriptor_base::wait_write);
        if ((events & ~POLLOUT) != 0) impl_->wait(one, asio::posix::descriptor_base::wait_read);
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

void AsioLoop::do_forget(int descriptor) noexcept { static_cast<void>(impl_->at(descriptor).end()); }

void AsioLoop::do_set_alarm(Clock::time_point when, spi::Job& job) noexcept {
    try {
        impl_->alarm.expires_at(when);  // which cancels the one before
        if (when == Clock::time_point::max()) return;
        impl_->alarm.async_wait([&job](const asio::error_code& failure) {
            if (!failure) job.run();
        });
    } catch (const std::exception&) {
        std::terminate();  // waits without an end would be worse
    }
}

}  // namespace pg::async
