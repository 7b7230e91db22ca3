// Lending and keeping chunks.
#include "src/wire/chunk.hpp"

#include <algorithm>
#include <new>
#include <span>

#include "src/base/poison.hpp"

namespace pg::wire {

ChunkPool::~ChunkPool() {
    for (std::atomic<Chunk*>& place : places_) {
        Chunk* chunk = place.load(std::memory_order_acquire);
        if (chunk == nullptr) continue;
        PGCLIENT_UNPOISON(chunk->data(), chunk->size());
        ::operator delete(chunk);
    }
}

ChunkRef ChunkPool::lend(std::size_t size) {
    if (size <= usual_size) {
        for (std::atomic<Chunk*>& place : std::span(places_).first(most_kept_)) {
            if (place.load(std::memory_order_relaxed) == nullptr) continue;
            Chunk* chunk = place.exchange(nullptr, std::memory_order_acquire);
            if (chunk == nullptr) continue;
            PGCLIENT_UNPOISON(chunk->data(), chunk->size());
            chunk->shares_.store(1, std::memory_order_relaxed);
            return ChunkRef(chunk);
        }
    }
    size = std::max(size, usual_size);
    return ChunkRef(::new (::operator new(sizeof(Chunk) + size)) Chunk(*this, size));
}

std::size_t ChunkPool::kept() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(places_.begin(), places_.end(), [](const auto& place) { return place.load() != nullptr; }));
}

void ChunkPool::take_back(Chunk* chunk) noexcept {
    if (chunk->size() == usual_size) {
        PGCLIENT_POISON(chunk->data(), chunk->size());
        for (std::atomic<Chunk*>& place : std::span(places_).first(most_kept_)) {
            Chunk* none = nullptr;
            if (place.load(std::memory_order_relaxed) == nullptr &&
                place.compare_exchange_strong(none, chunk, std::memory_order_release, std::memory_order_relaxed))
                return;
        }
    }
    PGCLIENT_UNPOISON(chunk->data(), chunk->size());
    ::operator delete(chunk);
}

void ChunkRef::drop() noexcept {
    if (chunk_->shares_.fetch_sub(1, std::memory_order_acq_rel) == 1) chunk_->pool_->take_back(chunk_);
}

ChunkPool& process_chunks() noexcept {
    static ChunkPool* const pool = new ChunkPool(64);  // 4 MiB
    return *pool;
}

}  // namespace pg::wire
