// Whole numbers as text, and text as whole numbers.

/** Writes `number` at `at`, which has room for 20 digits; returns the count of digits. */
export function writeDecimal(at: usize, number: u64): u32 {
  let digits: u32 = 1;
  for (let rest = number / 10; rest > 0; rest /= 10) digits++;
  for (let i = digits; i > 0; i--) {
    store<u8>(at + i - 1, <u8>(0x30 + (number % 10)));
    number /= 10;
  }
  return digits;
}

/** Larger than any number that readDecimal() reads. */
export const NO_DECIMAL: i64 = i64.MAX_VALUE;

/** The number that `length` bytes are: up to ten digits and nothing else. NO_DECIMAL for all others, and for no bytes. */
export function readDecimal(at: usize, length: u32): i64 {
  if (length - 1 >= 10) return NO_DECIMAL;
  let number: i64 = 0;
  for (const end = at + length; at < end; at++) {
    const digit = <u32>load<u8>(at) - 0x30;
    if (digit > 9) return NO_DECIMAL;
    number = number * 10 + digit;
  }
  return number;
}
