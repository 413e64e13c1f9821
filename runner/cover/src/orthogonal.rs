//! A start that algebra gives: in a field of `q` elements, `q * q` rows cover all pairs of `q + 1` parameters of up to
//! `q` values (Bush, 1952).

use crate::ground::Ground;
use crate::random::Random;
use crate::space::Cell;

/// Fields beyond this are of no use: no model that is planned has so many values that pairs need fewer rows elsewhere.
const LARGEST: usize = 49;

/// Rows that cover all pairs, where no rule binds any parameter and a field of fitting size gives fewer than `fewer`.
pub(crate) fn rows(ground: &Ground, fewer: usize) -> Option<Vec<Vec<Cell>>> {
    let space = &ground.space;
    let width = space.width();
    if (0..width).any(|parameter| ground.rules.bind(parameter)) {
        return None;
    }
    let values = (0..width).map(|parameter| space.count(parameter)).max()?;
    let field = (values.max(width.saturating_sub(1))..=LARGEST).find_map(Field::new)?;
    let size = field.size;
    if size * size >= fewer {
        return None;
    }
    let mut random = Random::stream(5);
    let mut rows = Vec::with_capacity(size * size);
    for slope in 0..size {
        for start in 0..size {
            let symbol = |parameter: usize| match parameter.checked_sub(1) {
                None => slope,
                Some(factor) => field.sum(start, field.product(factor, slope)),
            };
            // A symbol that the parameter has no value for is free.
            let mut cell = |parameter: usize| {
                let count = space.count(parameter);
                let symbol = symbol(parameter);
                space.cell(parameter, if symbol < count { symbol } else { random.below(count) })
            };
            rows.push((0..width).map(&mut cell).collect());
        }
    }
    Some(rows)
}

/// A finite field; an element is the number whose digits, to the base of the characteristic, are its coefficients.
struct Field {
    size: usize,
    prime: usize,
    products: Vec<usize>,
}

impl Field {
    /// The field of so many elements, where there is one.
    fn new(size: usize) -> Option<Self> {
        let prime = (2..=size).find(|&divisor| size.is_multiple_of(divisor))?;
        let mut degree = 0;
        let mut rest = size;
        while rest.is_multiple_of(prime) {
            (rest, degree) = (rest / prime, degree + 1);
        }
        if rest != 1 {
            return None;
        }
        // One of the polynomials x^degree - tail is irreducible; it is the one that leaves no divisors of zero.
        (0..size).find_map(|tail| {
            let products: Vec<usize> =
                (0..size * size).map(|at| multiply(at / size, at % size, tail, prime, degree)).collect();
            let sound = (1..size).all(|one| (1..size).all(|other| products[one * size + other] != 0));
            sound.then_some(Self { size, prime, products })
        })
    }

    fn sum(&self, one: usize, other: usize) -> usize {
        add(one, other, self.prime)
    }

    fn product(&self, one: usize, other: usize) -> usize {
        self.products[one * self.size + other]
    }
}

fn add(mut one: usize, mut other: usize, prime: usize) -> usize {
    let (mut sum, mut place) = (0, 1);
    while one + other > 0 {
        sum += (one % prime + other % prime) % prime * place;
        (one, other, place) = (one / prime, other / prime, place * prime);
    }
    sum
}

/// The product of two polynomials, with x^degree read as `tail`.
fn multiply(one: usize, other: usize, tail: usize, prime: usize, degree: u32) -> usize {
    let top = prime.pow(degree - 1);
    let (mut product, mut shifted, mut left) = (0, one, other);
    while left > 0 {
        for _ in 0..left % prime {
            product = add(product, shifted, prime);
        }
        left /= prime;
        let carry = shifted / top;
        shifted = shifted % top * prime;
        for _ in 0..carry {
            shifted = add(shifted, tail, prime);
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_exist_for_powers_of_primes_only_and_divide() {
        let sizes: Vec<usize> = (2..30).filter(|&size| Field::new(size).is_some()).collect();
        assert_eq!(sizes, [2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 19, 23, 25, 27, 29]);
        let nine = Field::new(9).unwrap();
        for one in 1..9 {
            let mut products: Vec<usize> = (0..9).map(|other| nine.product(one, other)).collect();
            products.sort_unstable();
            assert_eq!(products, (0..9).collect::<Vec<_>>());
            for other in 0..9 {
                let split = nine.sum(nine.product(one, other), nine.product(one, 1));
                assert_eq!(nine.product(one, nine.sum(other, 1)), split);
            }
        }
    }
}
