// Stacks from mmap, with a guard page.
#include "src/fibers/stack.hpp"

#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace pg::fibers {
namespace {

std::size_t guard() noexcept {
    static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return page;
}

}  // namespace

Stack::Stack() : mapped_(::mmap(nullptr, guard() + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {
    if (mapped_ == MAP_FAILED) throw std::bad_alloc();
    if (::mprotect(bottom(), bytes, PROT_READ | PROT_WRITE) == 0) return;
    ::munmap(mapped_, guard() + bytes);
    throw std::bad_alloc();
}

Stack::~Stack() { ::munmap(mapped_, guard() + bytes); }

void* Stack::bottom() const noexcept { return static_cast<char*>(mapped_) + guard(); }

}  // namespace pg::fibers
