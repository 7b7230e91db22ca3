// Switching stacks: what goes along and what stays, without a reactor around it.
#include "src/fibers/context_switch.hpp"

#include <cerrno>
#include <cstdint>
#include <exception>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <unistd.h>

#include "src/fibers/sanitizers.hpp"
#include "src/fibers/stack.hpp"

namespace pg::fibers {
namespace {

/// A function on a stack of its own, which it leaves by `leave`.
class Other {
public:
    explicit Other(void (*body)(Other&)) : body_(body) {
        known_.bottom = stack_.bottom();
        known_.size = Stack::size();
        make_known(known_);
        inside_ = make_context(stack_.bottom(), Stack::size(), &Other::main, this);
    }
    Other(const Other&) = delete;
    Other& operator=(const Other&) = delete;
    ~Other() { forget_known(known_); }

    void enter() {
        leaving(known_outside_, known_);
        switch_context(outside_, inside_);
        KnownStack unused;
        arrived(known_outside_, unused);
    }
    void leave() {
        leaving(known_, known_outside_);
        switch_context(inside_, outside_);
        arrived(known_, known_outside_);
    }
    [[nodiscard]] bool holds(const void* address) const {
        const auto* bottom = static_cast<const char*>(stack_.bottom());
        return address >= bottom && address < bottom + Stack::size();
    }

    std::string told;

private:
    static void main(void* other) {
        auto& self = *static_cast<Other*>(other);
        arrived({}, self.known_outside_);
        self.body_(self);
        for (;;) self.leave();
    }

    Stack stack_;
    void (*body_)(Other&);
    StackPointer inside_ = nullptr;
    StackPointer outside_ = nullptr;
    KnownStack known_, known_outside_;
};

TEST(ContextSwitch, EntersAFreshStackAndComesBack) {
    Other other([](Other& self) {
        self.told += self.holds(__builtin_frame_address(0)) ? "inside" : "elsewhere";
        self.leave();
        self.told += ", again";
    });
    EXPECT_FALSE(other.holds(__builtin_frame_address(0)));
    EXPECT_EQ(other.told, "");
    other.enter();
    EXPECT_EQ(other.told, "inside");
    other.enter();
    EXPECT_EQ(other.told, "inside, again");
    other.enter();
    EXPECT_EQ(other.told, "inside, again");
}

TEST(ContextSwitch, AlignsAFreshStackAsACallDoes) {
    Other other([](Other& self) {
        alignas(16) char aligned[32] = {};
        self.told = reinterpret_cast<std::uintptr_t>(static_cast<void*>(aligned)) % 16 == 0 ? "aligned" : "not";
        // The frame's own address is that of the pushed rbp: a multiple of sixteen when the caller kept to the rules.
        self.told +=
            reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) % 16 == 0 ? ", frame too" : ", not it";
    });
    other.enter();
    EXPECT_EQ(other.told, "aligned, frame too");
}

/// Adds up numbers that are all kept in registers, or on the stack, across the switches.
__attribute__((noinline)) std::uint64_t sum_across(Other& other, bool enters, std::uint64_t seed) {
    std::uint64_t a = seed, b = seed * 3, c = seed * 5, d = seed * 7, e = seed * 11, f = seed * 13;
    double x = static_cast<double>(seed) / 4;
    for (int round = 0; round < 10; ++round) {
        enters ? other.enter() : other.leave();
        a += b, b ^= c, c += d, d ^= e, e += f, f ^= a;
        x = x / 2 + 1;
    }
    return a ^ b ^ c ^ d ^ e ^ f ^ static_cast<std::uint64_t>(x * 1024);
}
std::uint64_t sum_alone(std::uint64_t seed) {
    Other nobody([](Other& self) {
        for (;;) self.leave();
    });
    return sum_across(nobody, true, seed);
}

TEST(ContextSwitch, KeepsTheRegistersOfBothSides) {
    Other other([](Other& self) { self.told = std::to_string(sum_across(self, false, 1'234'567)); });
    EXPECT_EQ(sum_across(other, true, 7'654'321), sum_alone(7'654'321));
    other.enter();
    EXPECT_EQ(other.told, std::to_string(sum_alone(1'234'567)));
}

/// Leaves its stack while it handles an exception, and tells what that is when it is back.
void leave_while_handling(Other& self) {
    try {
        throw std::string("of the inside");
    } catch (const std::string&) {
        self.leave();
        try {
            throw;
        } catch (const std::string& again) {
            self.told = again;
        }
    }
    self.told += std::current_exception() == nullptr ? ", and over" : ", and left behind";
}

TEST(ContextSwitch, LeavesAnExceptionOnTheStackThatHandlesIt) {
    Other other(&leave_while_handling);
    other.enter();
    EXPECT_EQ(std::current_exception(), nullptr);
    try {
        throw 5;
    } catch (int) {
        other.enter();
        try {
            throw;
        } catch (int number) {
            EXPECT_EQ(number, 5);
        }
    }
    EXPECT_EQ(other.told, "of the inside, and over");
    EXPECT_EQ(std::current_exception(), nullptr);
}

TEST(ContextSwitch, TakesAnExceptionAlongToAnotherThread) {
    Other other(&leave_while_handling);
    other.enter();
    std::thread([&] {
        other.enter();
        EXPECT_EQ(std::current_exception(), nullptr);
    }).join();
    EXPECT_EQ(other.told, "of the inside, and over");
    EXPECT_EQ(std::current_exception(), nullptr);
}

TEST(ContextSwitch, HandsNoExceptionToAFreshStack) {
    Other other([](Other& self) { self.told = std::current_exception() == nullptr ? "none" : "one"; });
    try {
        throw 5;
    } catch (int) {
        other.enter();
    }
    EXPECT_EQ(other.told, "none");
}

TEST(ContextSwitch, UnwindsNoFurtherThanTheStackGoes) {
    Other other([](Other& self) {
        try {
            struct Telling {
                std::string& told;
                ~Telling() { told += "unwound"; }
            };
            const Telling telling{self.told};
            throw 1;
        } catch (int) {
            self.told += ", caught";
        }
    });
    other.enter();
    EXPECT_EQ(other.told, "unwound, caught");
}

TEST(Stack, HasAGuardPageBelowIt) {
    const Stack stack;
    auto* bottom = static_cast<volatile char*>(stack.bottom());
    bottom[0] = 1;
    bottom[Stack::size() - 1] = 1;
    EXPECT_EQ(bottom[0] + bottom[Stack::size() - 1], 2);
    // A system call says what the program itself would end by.
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    EXPECT_EQ(::write(ends[1], stack.bottom(), 1), 1);
    EXPECT_EQ(::write(ends[1], static_cast<char*>(stack.bottom()) - 1, 1), -1);
    EXPECT_EQ(errno, EFAULT);
    for (const int end : ends) ::close(end);
}

}  // namespace
}  // namespace pg::fibers
