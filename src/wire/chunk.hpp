// Chunks: the memory that bytes are received into, lent from a pool and shared by whoever reads them there.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "pg/fwd.hpp"

namespace pg::wire {

class ChunkPool;

/// A piece of memory with its share count. Behind it in memory lie its bytes.
class Chunk {
public:
    [[nodiscard]] char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
    [[nodiscard]] const char* data() const noexcept { return reinterpret_cast<const char*>(this + 1); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    friend class ChunkPool;
    friend class ChunkRef;
    Chunk(ChunkPool& pool, std::size_t size) noexcept : pool_(&pool), size_(size) {}

    ChunkPool* pool_;
    std::size_t size_;
    std::atomic<std::uint32_t> shares_{1};
};

/// A share of a chunk. Handle; the last one gives the chunk back to its pool. Shares may go on any thread.
class PGCLIENT_API ChunkRef {
public:
    ChunkRef() = default;
    explicit ChunkRef(Chunk* chunk) noexcept : chunk_(chunk) {}
    ChunkRef(const ChunkRef& other) noexcept : chunk_(other.chunk_) {
        if (chunk_) chunk_->shares_.fetch_add(1, std::memory_order_relaxed);
    }
    ChunkRef(ChunkRef&& other) noexcept : chunk_(std::exchange(other.chunk_, nullptr)) {}
    ChunkRef& operator=(ChunkRef other) noexcept {
        std::swap(chunk_, other.chunk_);
        return *this;
    }
    ~ChunkRef() {
        if (chunk_) drop();
    }

    [[nodiscard]] explicit operator bool() const noexcept { return chunk_ != nullptr; }
    [[nodiscard]] Chunk* operator->() const noexcept { return chunk_; }
    /// Nobody else has a share: its bytes may be written over.
    [[nodiscard]] bool is_only() const noexcept { return chunk_->shares_.load(std::memory_order_acquire) == 1; }
    friend bool operator==(const ChunkRef&, const ChunkRef&) = default;

private:
    void drop() noexcept;
    Chunk* chunk_ = nullptr;
};

/// Lends chunks of one usual size, and larger ones to whoever needs them. Keeps a bounded number of usual ones for the
/// next borrower, poisoned for AddressSanitizer meanwhile. Thread-safe, without a lock. Outlives its chunks.
class PGCLIENT_API ChunkPool {
public:
    static constexpr std::size_t usual_size = 64 * 1024 - sizeof(Chunk);
    static constexpr std::size_t most_places = 64;

    /// Keeps at most so many, and never more than `most_places`.
    explicit ChunkPool(std::size_t most_kept) noexcept : most_kept_(std::min(most_kept, most_places)) {}
    ChunkPool(const ChunkPool&) = delete;
    ChunkPool& operator=(const ChunkPool&) = delete;
    ~ChunkPool();

    /// At least `size` bytes; throws std::bad_alloc.
    [[nodiscard]] ChunkRef lend(std::size_t size);
    /// Chunks that it keeps for the next borrower.
    [[nodiscard]] std::size_t kept() const noexcept;

private:
    friend class ChunkRef;
    void take_back(Chunk* chunk) noexcept;

    const std::size_t most_kept_;
    // A chunk, or none, in each of the first `most_kept_`. They are looked through from the front, so that what was
    // used last is used next.
    std::array<std::atomic<Chunk*>, most_places> places_{};
};

/// The pool of the process. Never destroyed: results may outlive everything else.
[[nodiscard]] PGCLIENT_API ChunkPool& process_chunks() noexcept;

}  // namespace pg::wire
