// TypeCatalog: two hash tables of lists that only ever grow at their heads.
//
// Invariants
//   (C1) A node, once reachable, keeps its type and is freed only with the catalogue, so readers take no lock.
//   (C2) Every list is newest first: what replaces an entry is found before it.
//   (C3) A name that an oid no longer has is still reachable; a look-up by name asks the oid table whether it is
//   current.
//   (C4) What is asked for again and found as it was changes its node's era alone: the lists grow with what changes.
#include "pg/catalog.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <utility>

namespace pg {
namespace {

struct Node {
    TypeInfo info;
    const Node* next_by_oid = nullptr;
    const Node* next_by_name = nullptr;
    mutable std::atomic<std::uint64_t> era{};  // in which it was asked for last
    mutable std::atomic<bool> doubted{false};
};

constexpr std::size_t bucket_count = 256;
using Buckets = std::array<std::atomic<const Node*>, bucket_count>;

std::size_t bucket_of(Oid oid) { return static_cast<std::uint32_t>(oid) % bucket_count; }

// `schema.name` and `name` share a bucket: that of what follows the last dot.
std::size_t bucket_of(std::string_view name) {
    return std::hash<std::string_view>{}(name.substr(name.rfind('.') + 1)) % bucket_count;
}

bool is_called(const TypeInfo& info, std::string_view name) {
    if (name == info.name) return true;
    return name.size() == info.schema.size() + 1 + info.name.size() && name.starts_with(info.schema) &&
           name[info.schema.size()] == '.' && name.ends_with(info.name);
}

}  // namespace

struct TypeCatalog::Impl {
    Impl() = default;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() {
        for (const auto& head : by_oid)
            for (const Node* node = head.load(); node != nullptr;) delete std::exchange(node, node->next_by_oid);
    }

    [[nodiscard]] const Node* find(Oid oid) const {
        const Node* node = by_oid[bucket_of(oid)].load(std::memory_order_acquire);
        while (node != nullptr && node->info.oid != oid) node = node->next_by_oid;
        return node;
    }

    std::mutex growing;  // guards the heads against a second writer
    Buckets by_oid{};
    Buckets by_name{};
};

TypeCatalog::TypeCatalog() : impl_(std::make_unique<Impl>()) {}
TypeCatalog::~TypeCatalog() = default;

const TypeInfo* TypeCatalog::find(Oid oid) const {
    const Node* const node = impl_->find(oid);
    return node != nullptr ? &node->info : nullptr;
}

const TypeInfo* TypeCatalog::find(std::string_view name) const {
    for (const Node* node = impl_->by_name[bucket_of(name)].load(std::memory_order_acquire); node != nullptr;
         node = node->next_by_name)
        if (is_called(node->info, name) && find(node->info.oid) == &node->info) return &node->info;
    return nullptr;
}

bool TypeCatalog::is_current(Oid oid) const {
    const Node* const node = impl_->find(oid);
    return node != nullptr && node->era.load(std::memory_order_acquire) == era() &&
           !node->doubted.load(std::memory_order_relaxed);
}

void TypeCatalog::doubt(Oid oid) const {
    if (const Node* const node = impl_->find(oid)) node->doubted.store(true, std::memory_order_relaxed);
}

void TypeCatalog::add(TypeInfo info, std::uint64_t era) {
    const std::scoped_lock lock(impl_->growing);
    if (const Node* const known = impl_->find(info.oid)) {
        const std::uint64_t since = known->era.load(std::memory_order_relaxed);
        if (era < since && since != no_era) return;  // somebody asked later, and was faster
        if (known->info == info) {
            known->doubted.store(false, std::memory_order_relaxed);
            if (era != no_era) known->era.store(era, std::memory_order_release);
            return;
        }
        if (since == this->era()) outdate();
    }
    auto& by_oid = impl_->by_oid[bucket_of(info.oid)];
    auto& by_name = impl_->by_name[bucket_of(info.name)];
    const Node* node =
        new Node{std::move(info), by_oid.load(std::memory_order_relaxed), by_name.load(std::memory_order_relaxed), era};
    // The oid first: whoever finds the name must find it current (C3).
    by_oid.store(node, std::memory_order_release);
    by_name.store(node, std::memory_order_release);
}

}  // namespace pg
