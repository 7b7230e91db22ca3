// The blocks of memory that a thread keeps.
#include "pg/recycled.hpp"

#include <array>
#include <new>
#include <utility>

#include "src/base/poison.hpp"

namespace pg::detail {
namespace {

/// Blocks that are free, of each size up to a bound, no more than so many bytes of all: larger ones, and more of them,
/// than malloc has a quick way for. Has no destructor, so that it can be used to the very end of its thread.
class FreeBlocks {
public:
    [[nodiscard]] void* take(std::size_t size) {
        size = rounded(size);
        void* const block = size > largest ? nullptr : pop(size);
        return block ? block : ::operator new(size);
    }
    void give(void* block, std::size_t size) noexcept {
        size = rounded(size);
        if (size > largest || kept_ + size > most_kept)
            ::operator delete(block);
        else
            push(block, size);
    }
    /// Frees them all, and keeps no more.
    void close() noexcept {
        for (std::size_t size = step; size <= largest; size += step)
            while (void* const block = pop(size)) ::operator delete(block);
        kept_ = most_kept;
    }

private:
    static constexpr std::size_t step = 32, largest = 4096, most_kept = 512 * 1024;
    struct Block {
        Block* next;
    };

    /// Null when there is none.
    [[nodiscard]] void* pop(std::size_t size) noexcept {
        Block*& first = first_of(size);
        Block* const block = first;
        if (block == nullptr) return nullptr;
        PGCLIENT_UNPOISON(block, size);
        kept_ -= size;
        first = block->next;
        return block;
    }
    void push(void* memory, std::size_t size) noexcept {
        if (kept_ == 0) close_with_thread();
        Block*& first = first_of(size);
        first = ::new (memory) Block{first};
        kept_ += size;
        PGCLIENT_POISON(memory, size);
    }
    static void close_with_thread() noexcept;
    static std::size_t rounded(std::size_t size) noexcept { return (size + step - 1) / step * step; }
    [[nodiscard]] Block*& first_of(std::size_t rounded) noexcept { return blocks_[rounded / step - 1]; }

    std::array<Block*, largest / step> blocks_{};
    std::size_t kept_ = 0;  // bytes of them
};
constinit thread_local FreeBlocks free_blocks;

void FreeBlocks::close_with_thread() noexcept {
    struct AtEnd {
        ~AtEnd() { free_blocks.close(); }
    };
    static thread_local const AtEnd at_end;
}

}  // namespace

void* Recycled::operator new(std::size_t size) { return free_blocks.take(size); }
void Recycled::operator delete(void* memory, std::size_t size) noexcept { free_blocks.give(memory, size); }

}  // namespace pg::detail
