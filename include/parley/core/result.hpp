// SPDX-License-Identifier: Apache-2.0
//
// result<T, E>: a value, or the reason why there is none.
//
//   result<int, errc> parse(std::string_view text) {
//     if (text.empty()) return failure{errc::empty};
//     return 42;
//   }
//   if (const auto number = parse(text)) use(*number); else report(number.error());
//
// It is a type of its own in every language version: an alias of std::expected "when available"
// would give two translation units two ABIs. A result is as thread-safe as the T or E inside.

#ifndef PARLEY_CORE_RESULT_HPP
#define PARLEY_CORE_RESULT_HPP

#include <cassert>
#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace parley {

/// Wraps the error that a function returns instead of a value.
template <class E>
struct failure {
  E error;
};
template <class E>
failure(E) -> failure<E>;

template <class T, class E>
class [[nodiscard]] result;

namespace detail {
template <class>
inline constexpr bool is_result = false;
template <class T, class E>
inline constexpr bool is_result<result<T, E>> = true;

// A value is made from what converts to it; not from another result, whose error would be lost.
template <class From, class To>
concept value_source = std::is_constructible_v<To, From> && std::is_convertible_v<From, To> &&
    !is_result<std::remove_cvref_t<From>>;

// What result<void, E> holds where another holds its T.
struct nothing {};
}  // namespace detail

/// Holds a T or an E, never neither. `T` and `E` are object types (`T` may be void), and moving
/// either must not throw. Reading the one that is not there is a precondition failure.
template <class T, class E>
class [[nodiscard]] result {
  using stored = std::conditional_t<std::is_void_v<T>, detail::nothing, T>;
  static_assert(std::is_object_v<stored> && std::is_object_v<E>);
  static_assert(std::is_nothrow_move_constructible_v<stored> &&
                std::is_nothrow_move_constructible_v<E>);
  // A result is as trivial as what it holds: std::is_trivially_copyable where both are, so that it
  // travels in registers.
  static constexpr bool trivial_destroy =
      std::is_trivially_destructible_v<stored> && std::is_trivially_destructible_v<E>;
  static constexpr bool trivial_copy =
      std::is_trivially_copy_constructible_v<stored> && std::is_trivially_copy_constructible_v<E>;
  static constexpr bool trivial_move =
      std::is_trivially_move_constructible_v<stored> && std::is_trivially_move_constructible_v<E>;
  static constexpr bool trivial_copy_assign = trivial_destroy && trivial_copy &&
                                              std::is_trivially_copy_assignable_v<stored> &&
                                              std::is_trivially_copy_assignable_v<E>;
  static constexpr bool trivial_move_assign = trivial_destroy && trivial_move &&
                                              std::is_trivially_move_assignable_v<stored> &&
                                              std::is_trivially_move_assignable_v<E>;
  static constexpr bool copyable =
      std::is_copy_constructible_v<stored> && std::is_copy_constructible_v<E>;
  static constexpr bool copyable_by_hand = copyable && !trivial_copy;
  static constexpr bool copy_assignable_by_hand = copyable && !trivial_copy_assign;
  static constexpr bool has_type = !std::is_void_v<T>;

 public:
  using value_type = T;
  using error_type = E;

  constexpr result() noexcept requires(!has_type) : value_(), has_value_(true) {}

  template <detail::value_source<T> U = T>
  // value_source refuses a result: NOLINTNEXTLINE(bugprone-forwarding-reference-overload)
  constexpr result(U&& value) noexcept(std::is_nothrow_constructible_v<stored, U>)
      : value_(std::forward<U>(value)), has_value_(true) {}

  template <std::convertible_to<E> F>
  constexpr result(failure<F> reason) noexcept(std::is_nothrow_constructible_v<E, F>)
      : error_(std::move(reason.error)), has_value_(false) {}

  constexpr result(const result& other) requires(trivial_copy) = default;
  constexpr result(const result& other) requires(copyable_by_hand) { construct_from(other); }
  constexpr result(result&& other) noexcept requires(trivial_move) = default;
  constexpr result(result&& other) noexcept requires(!trivial_move) {
    construct_from(std::move(other));
  }

  constexpr result& operator=(const result& other) requires(trivial_copy_assign) = default;
  constexpr result& operator=(const result& other) requires(copy_assignable_by_hand) {
    // By way of a copy: a copy that throws leaves *this as it was.
    if (this != &other) *this = result(other);
    return *this;
  }
  constexpr result& operator=(result&& other) noexcept requires(trivial_move_assign) = default;
  constexpr result& operator=(result&& other) noexcept requires(!trivial_move_assign) {
    if (this != &other) {
      destroy();
      construct_from(std::move(other));
    }
    return *this;
  }

  constexpr ~result() requires(trivial_destroy) = default;
  constexpr ~result() requires(!trivial_destroy) { destroy(); }

  constexpr bool has_value() const noexcept { return has_value_; }
  constexpr explicit operator bool() const noexcept { return has_value_; }

  constexpr stored& operator*() & noexcept requires(has_type) {
    assert(has_value_);
    return value_;
  }
  constexpr const stored& operator*() const& noexcept requires(has_type) {
    assert(has_value_);
    return value_;
  }
  constexpr stored&& operator*() && noexcept requires(has_type) {
    assert(has_value_);
    return std::move(value_);
  }
  constexpr stored* operator->() noexcept requires(has_type) { return std::addressof(**this); }
  constexpr const stored* operator->() const noexcept requires(has_type) {
    return std::addressof(**this);
  }

  constexpr const E& error() const& noexcept {
    assert(!has_value_);
    return error_;
  }
  constexpr E& error() & noexcept {
    assert(!has_value_);
    return error_;
  }
  constexpr E&& error() && noexcept {
    assert(!has_value_);
    return std::move(error_);
  }

  /// The value, or `fallback` where there is none.
  template <class U>
  constexpr stored value_or(U&& fallback) const& {
    static_assert(has_type, "result<void, E> has no value");
    return has_value_ ? value_ : static_cast<stored>(std::forward<U>(fallback));
  }
  template <class U>
  constexpr stored value_or(U&& fallback) && {
    static_assert(has_type, "result<void, E> has no value");
    return has_value_ ? std::move(value_) : static_cast<stored>(std::forward<U>(fallback));
  }

  /// `next(value)`, itself a result with the same E; the error is passed on.
  template <class F>
  constexpr auto and_then(F&& next) && -> std::invoke_result_t<F, stored&&> {
    if (!has_value_) return failure<E>{std::move(error_)};
    return std::invoke(std::forward<F>(next), std::move(value_));
  }
  template <class F>
  constexpr auto and_then(F&& next) const& -> std::invoke_result_t<F, const stored&> {
    if (!has_value_) return failure<E>{error_};
    return std::invoke(std::forward<F>(next), value_);
  }

  /// The same value, or `change(error)`: carries one room's error into another's.
  template <class F>
  constexpr auto map_error(F&& change) && {
    using changed = result<T, std::remove_cvref_t<std::invoke_result_t<F, E&&>>>;
    if (!has_value_) {
      return changed(failure{std::invoke(std::forward<F>(change), std::move(error_))});
    }
    if constexpr (std::is_void_v<T>) {
      return changed();
    } else {
      return changed(std::move(value_));
    }
  }
  template <class F>
  constexpr auto map_error(F&& change) const& {
    return result(*this).map_error(std::forward<F>(change));
  }

 private:
  template <class Other>
  constexpr void construct_from(Other&& other) {
    has_value_ = other.has_value_;
    if (has_value_) {
      std::construct_at(std::addressof(value_), std::forward<Other>(other).value_);
    } else {
      std::construct_at(std::addressof(error_), std::forward<Other>(other).error_);
    }
  }
  constexpr void destroy() noexcept {
    if (has_value_) {
      std::destroy_at(std::addressof(value_));
    } else {
      std::destroy_at(std::addressof(error_));
    }
  }

  union {
    stored value_;
    E error_;
  };
  bool has_value_;
};

}  // namespace parley

#endif  // PARLEY_CORE_RESULT_HPP
