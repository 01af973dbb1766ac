//! Nonlinear least squares by Levenberg and Marquardt, with what the data cannot distinguish.
//!
//! Minimises the sum of squares of `r(x)` over a box, where each evaluation is a whole set of runs:
//! derivatives are central differences, and steps `d` solve `(C + mu I) D d = -N' r` with
//! `J = N D`, columns of `N` of length 1, and `C = N' N`, in the eigenvectors of `C`. `mu` shrinks
//! after a step that helps and grows after one that does not (Levenberg 1944, Marquardt 1963).
//!
//! The same eigenvectors say what is identifiable. A column of `J` near zero: no observation
//! depends on that parameter. An eigenvalue of `C` near zero: only a combination of the parameters
//! in its vector is determined. Example: `r = a b - 6` is met by a = 2, b = 3 and by a = 1, b = 6;
//! in log a and log b both columns of `J` are alike, `C = [[1, 1], [1, 1]]` has the eigenvalues 2
//! and 0, and the vector of 0 names both.
//!
//! Where no observation depends on a parameter, no slope leads to where one would: a rate that is
//! never reached is such a one. So the fit also starts where observations *begin* to depend on it,
//! to both sides, if they come nearer there. Example: of a rate `x` that binds below 10,
//! `r = 10 / min(x, 10) - 2` is level above 10, and `x = 100` would stay; the second start, just
//! below 10, leads to 5. A start is better only if its sum of squares is less by more than chance
//! gives one parameter more, by the F test at the level of the intervals: `(S - S') (n - p) / S' >
//! t^2`.
//!
//! The interval of a parameter is `x +- t s sqrt((J' J)^-1_ii)`, with `s^2 = r' r / (n - p)` and
//! Student's t of `n - p` degrees: exact for linear models with equal normal errors.
//!
//! Why not a package: rmpfit 2.0 and levenberg-marquardt 0.15 (upon nalgebra) fit as well, but
//! neither gives out `J`, without which identifiability could only be guessed; what would remain
//! for them is the loop below.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Change of a parameter by which derivatives are taken. Parameters are logarithms: a thousandth.
const STEP: f64 = 1e-3;

/// Derivatives below this, for residuals of order 1, are none: doubling such a parameter would
/// change no observation by more than a hundredth of a percent.
const SENSITIVE: f64 = 1e-4;

/// Eigenvalues of `C` below this are none. Differences leave errors of some 1e-6 in derivatives.
const DETERMINED: f64 = 1e-6;

/// A parameter takes part in a combination if this share of a unit vector is its own.
const TAKES_PART: f64 = 0.1;

/// A residual that differs by this much has begun to depend on a parameter.
const CHANGED: f64 = 1e-3;

/// How closely that beginning is looked for: to a hundredth.
const EDGE: f64 = 1e-2;

/// Sums of squares below this, for each observation, are the noise of the arithmetic.
const NOISE: f64 = 1e-12;

/// Steps at most; a fit that needs more has no minimum to go to.
const STEPS_MAX: usize = 60;

/// What the data say about a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// Its value, to this half width (`None`: there are too few observations for an interval).
    Determined(Option<f64>),
    /// No observation depends on it.
    Insensitive,
    /// Only a combination of it with these others (their places) is determined.
    Combined(Vec<usize>),
}

/// A fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The parameters at the minimum.
    pub x: Vec<f64>,
    /// What the data say about each.
    pub known: Vec<Known>,
    /// Another minimum that is no worse, by the same test, and elsewhere.
    pub rival: Option<Vec<f64>>,
    /// The sum of squares at the start and at the minimum.
    pub squares: [f64; 2],
    /// Whether the minimum was found, and not only the last of the steps.
    pub converged: bool,
}

/// Fits within `low..=high`. `residuals` gives the weighted residuals at a point, always as many;
/// `count` is how many independent observations they stand for, and `level` that of the intervals.
///
/// # Errors
/// What `residuals` says.
pub fn fit<E>(
    (start, low, high): (&[f64], &[f64], &[f64]),
    (count, level): (usize, f64),
    mut residuals: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<Fit, E> {
    let walls = (low, high);
    let inside = start.iter().zip(low.iter().zip(high));
    let inside = inside.map(|(x, (low, high))| x.clamp(*low, *high)).collect();
    let first = Point::at(inside, walls, &mut residuals)?;
    let (mut best, mut converged) = descend(first.clone(), walls, &mut residuals)?;
    let quantile = quantile(count.saturating_sub(start.len()).max(1), level);
    let is_better = |other: &Point, than: &Point| {
        let (less, more) = (squares(&other.r), squares(&than.r));
        more > NOISE * count as f64 && more - less > quantile * quantile * less
    };
    // First from the start, where no other parameter is bent to do the work of a level one.
    let (mut from, mut is_last, mut others) = (first.clone(), false, Vec::new());
    loop {
        let mut found = None;
        for (i, edge) in from.edges(walls, &mut residuals)? {
            let edge = Point::at(edge, walls, &mut residuals)?;
            let other = descend(edge, walls, &mut residuals)?;
            let than = found.as_ref().map_or(&best, |(point, _)| point);
            if is_better(&other.0, than) {
                found = Some(other);
            } else if other.0.slopes.sensitive[i] {
                others.push(other.0);
            }
        }
        // Each round but the last gives one parameter more something to do.
        if let Some(other) = found {
            (best, converged) = other;
        } else if is_last {
            break;
        }
        is_last = true;
        from.clone_from(&best);
    }
    others.retain(|other| !is_better(&best, other) && other.is_apart(&best));
    let rival = others.into_iter().min_by(|a, b| squares(&a.r).total_cmp(&squares(&b.r)));
    let known = best.slopes.known(squares(&best.r), count, level);
    let squares = [squares(&first.r), squares(&best.r)];
    Ok(Fit { x: best.x, known, rival: rival.map(|rival| rival.x), squares, converged })
}

/// A point of the box, with its residuals and their derivatives.
#[derive(Clone)]
struct Point {
    x: Vec<f64>,
    r: Vec<f64>,
    slopes: Slopes,
}

impl Point {
    fn at<E>(
        x: Vec<f64>,
        walls: (&[f64], &[f64]),
        residuals: &mut impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
    ) -> Result<Self, E> {
        let (r, slopes) = (residuals(&x)?, Slopes::at(&x, walls, residuals)?);
        Ok(Self { x, r, slopes })
    }

    /// Whether a parameter differs by more than a hundredth.
    fn is_apart(&self, other: &Self) -> bool {
        self.x.iter().zip(&other.x).any(|(a, b)| (a - b).abs() > EDGE)
    }

    /// Where, to both sides of a parameter on which nothing depends here, something begins to and
    /// lessens the sum of squares. Far values are asked for only if nothing changes before.
    fn edges<E>(
        &self,
        (low, high): (&[f64], &[f64]),
        residuals: &mut impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
    ) -> Result<Vec<(usize, Vec<f64>)>, E> {
        let mut edges = Vec::new();
        let level = (0..self.x.len()).filter(|i| !self.slopes.sensitive[*i]);
        for (i, wall) in level.flat_map(|i| [(i, low[i]), (i, high[i])]) {
            let mut changed = |to: f64| {
                let mut x = self.x.clone();
                x[i] = to;
                let r = residuals(&x)?;
                let changed = r.iter().zip(&self.r).any(|(r, here)| (r - here).abs() >= CHANGED);
                Ok(changed.then_some((x, squares(&r))))
            };
            let (mut near, mut far) = (self.x[i], self.x[i]);
            let mut step = libm::copysign(std::f64::consts::LN_2, wall - near);
            let mut found = None;
            while found.is_none() && (wall - far).abs() > 0.0 {
                near = far;
                far = if (wall - far).abs() <= step.abs() { wall } else { far + step };
                step *= 2.0;
                found = changed(far)?;
            }
            while found.is_some() && (far - near).abs() > EDGE {
                let middle = f64::midpoint(near, far);
                match changed(middle)? {
                    Some(edge) => (far, found) = (middle, Some(edge)),
                    None => near = middle,
                }
            }
            let less = squares(&self.r);
            edges.extend(found.filter(|(_, there)| *there < less).map(|(edge, _)| (i, edge)));
        }
        Ok(edges)
    }
}

/// Follows the slopes from a point to a minimum; whether it was found, and not only the last of
/// the steps.
fn descend<E>(
    mut point: Point,
    walls: (&[f64], &[f64]),
    residuals: &mut impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<(Point, bool), E> {
    let mut mu = 1e-3;
    for _ in 0..STEPS_MAX {
        let now = squares(&point.r);
        loop {
            let step = point.slopes.step(&point.r, mu);
            let inside = |i: usize| (point.x[i] + step[i]).clamp(walls.0[i], walls.1[i]);
            let next: Vec<_> = (0..point.x.len()).map(inside).collect();
            let moved = point.x.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if moved < 1e-9 {
                return Ok((point, true));
            }
            let r = residuals(&next)?;
            let then = squares(&r);
            if then < now {
                mu = f64::max(mu / 10.0, 1e-12);
                let slopes = Slopes::at(&next, walls, residuals)?;
                point = Point { x: next, r, slopes };
                if now - then <= 1e-12 * now {
                    return Ok((point, true));
                }
                break;
            }
            mu *= 10.0;
        }
    }
    Ok((point, false))
}

/// Student's t of so many degrees at a level of both sides, over the root of the degrees.
fn quantile(free: usize, level: f64) -> f64 {
    let student = StudentsT::new(0.0, 1.0, free as f64).expect("some freedom");
    student.inverse_cdf(0.5 + level / 2.0) / libm::sqrt(free as f64)
}

fn squares(r: &[f64]) -> f64 {
    r.iter().map(|r| r * r).sum()
}

/// The derivatives at a point: columns, their lengths, and the eigenvectors of their products.
#[derive(Clone)]
struct Slopes {
    /// Columns of length 1; zeros where nothing depends on the parameter.
    columns: Vec<Vec<f64>>,
    lengths: Vec<f64>,
    sensitive: Vec<bool>,
    values: Vec<f64>,
    /// `vectors[k]` belongs to `values[k]`.
    vectors: Vec<Vec<f64>>,
}

impl Slopes {
    fn at<E>(
        x: &[f64],
        (low, high): (&[f64], &[f64]),
        residuals: &mut impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
    ) -> Result<Self, E> {
        let mut columns = Vec::new();
        for i in 0..x.len() {
            let mut at = |to: f64| {
                let mut x = x.to_vec();
                x[i] = to;
                residuals(&x)
            };
            let (below, above) = ((x[i] - STEP).max(low[i]), (x[i] + STEP).min(high[i]));
            let width = above - below;
            let (r_below, r_above) = (at(below)?, at(above)?);
            let slope = |(a, b): (&f64, &f64)| if width > 0.0 { (b - a) / width } else { 0.0 };
            columns.push(r_below.iter().zip(&r_above).map(slope).collect::<Vec<f64>>());
        }
        let largest = |column: &Vec<f64>| column.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let sensitive: Vec<_> = columns.iter().map(|it| largest(it) >= SENSITIVE).collect();
        let lengths: Vec<_> = columns.iter().map(|column| libm::sqrt(squares(column))).collect();
        for (column, (length, sensitive)) in columns.iter_mut().zip(lengths.iter().zip(&sensitive))
        {
            let by = if *sensitive { 1.0 / length } else { 0.0 };
            for value in column {
                *value *= by;
            }
        }
        let product = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).map(|(a, b)| a * b).sum();
        let c = columns.iter().map(|a| columns.iter().map(|b| product(a, b)).collect()).collect();
        let (values, vectors) = eigen(c);
        Ok(Self { columns, lengths, sensitive, values, vectors })
    }

    /// The step of Levenberg and Marquardt; none in parameters on which nothing depends.
    fn step(&self, r: &[f64], mu: f64) -> Vec<f64> {
        let slope = |column: &Vec<f64>| column.iter().zip(r).map(|(n, r)| n * r).sum::<f64>();
        let down: Vec<_> = self.columns.iter().map(slope).collect();
        let mut step = vec![0.0; down.len()];
        for (value, vector) in self.values.iter().zip(&self.vectors) {
            let along: f64 = vector.iter().zip(&down).map(|(v, g)| v * g).sum();
            let by = -along / (value.max(0.0) + mu);
            step.iter_mut().zip(vector).for_each(|(step, v)| *step += by * v);
        }
        let scaled = step.iter().zip(self.lengths.iter().zip(&self.sensitive));
        scaled.map(|(step, (length, known))| if *known { step / length } else { 0.0 }).collect()
    }

    fn known(&self, squares: f64, count: usize, level: f64) -> Vec<Known> {
        let null = |k: &usize| self.values[*k] < DETERMINED;
        let all = 0..self.values.len();
        let parts = |k: usize| -> Vec<usize> {
            let part = |i: &usize| self.sensitive[*i] && self.vectors[k][*i].abs() > TAKES_PART;
            all.clone().filter(part).collect()
        };
        let combined: Vec<Vec<usize>> =
            all.clone().filter(null).map(parts).filter(|parts| parts.len() > 1).collect();
        let rank = all.clone().filter(|k| !null(k)).count();
        let free = count.checked_sub(rank).filter(|free| *free > 0);
        let t = free.map(|free| quantile(free, level) * libm::sqrt(squares));
        let known = |i: usize| {
            if !self.sensitive[i] {
                return Known::Insensitive;
            }
            let mut others: Vec<usize> =
                combined.iter().filter(|parts| parts.contains(&i)).flatten().copied().collect();
            others.retain(|other| *other != i);
            others.sort_unstable();
            others.dedup();
            if !others.is_empty() {
                return Known::Combined(others);
            }
            let along = |k: usize| self.vectors[k][i] * self.vectors[k][i] / self.values[k];
            let inverse: f64 = all.clone().filter(|k| !null(k)).map(along).sum();
            Known::Determined(t.map(|t| t * libm::sqrt(inverse) / self.lengths[i]))
        };
        all.clone().map(known).collect()
    }
}

/// Eigenvalues and eigenvectors of a symmetric matrix, by the rotations of Jacobi (1846).
fn eigen(mut matrix: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = matrix.len();
    let unit = |i: usize| (0..n).map(|j| f64::from(u8::from(i == j))).collect();
    let mut vectors: Vec<Vec<f64>> = (0..n).map(unit).collect();
    // Convergence is quadratic: a handful of sweeps suffices for any matrix of this size.
    for _ in 0..50 {
        let mut off = 0.0;
        for (p, q) in (0..n).flat_map(|p| (p + 1..n).map(move |q| (p, q))) {
            let between = matrix[p][q];
            off += between * between;
            if between.abs() < 1e-300 {
                continue;
            }
            let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * between);
            let root = theta.abs() + libm::sqrt(theta * theta + 1.0);
            let tangent = if theta < 0.0 { -1.0 / root } else { 1.0 / root };
            let cosine = 1.0 / libm::sqrt(tangent * tangent + 1.0);
            let turn = (cosine, tangent * cosine);
            for row in &mut matrix {
                (row[p], row[q]) = turned(turn, (row[p], row[q]));
            }
            turn_rows(&mut matrix, (p, q), turn);
            turn_rows(&mut vectors, (p, q), turn);
        }
        if off < 1e-30 {
            break;
        }
    }
    ((0..n).map(|i| matrix[i][i]).collect(), vectors)
}

fn turned((cosine, sine): (f64, f64), (x, y): (f64, f64)) -> (f64, f64) {
    (cosine * x - sine * y, sine * x + cosine * y)
}

fn turn_rows(rows: &mut [Vec<f64>], (p, q): (usize, usize), turn: (f64, f64)) {
    let (above, below) = rows.split_at_mut(q);
    for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
        (*x, *y) = turned(turn, (*x, *y));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    const LEVEL: f64 = 0.99;
    const LOW: [f64; 3] = [-10.0; 3];
    const HIGH: [f64; 3] = [10.0; 3];

    fn fitted(start: &[f64], count: usize, r: impl Fn(&[f64]) -> Vec<f64>) -> Fit {
        let n = start.len();
        let fit = fit((start, &LOW[..n], &HIGH[..n]), (count, LEVEL), |x| Ok::<_, ()>(r(x)));
        fit.expect("nothing can fail")
    }

    #[test]
    fn the_valley_of_rosenbrock_is_followed_to_its_end() {
        let fit = fitted(&[-1.2, 1.0], 2, |x| vec![10.0 * (x[1] - x[0] * x[0]), 1.0 - x[0]]);
        assert!(fit.converged && fit.squares[1] < 1e-12, "{fit:?}");
        assert!((fit.x[0] - 1.0).abs() < 1e-6 && (fit.x[1] - 1.0).abs() < 1e-6, "{fit:?}");
        assert_eq!(fit.known, [Known::Determined(None), Known::Determined(None)]);
    }

    #[test]
    fn of_a_product_only_the_product_is_determined() {
        let residuals = |x: &[f64]| vec![libm::exp(x[0] + x[1]) / 6.0 - 1.0, x[2] - 2.0];
        let fit = fitted(&[0.0, 0.5, 0.0], 5, residuals);
        assert!((libm::exp(fit.x[0] + fit.x[1]) - 6.0).abs() < 1e-6, "{fit:?}");
        assert_eq!(fit.known[0], Known::Combined(vec![1]));
        assert_eq!(fit.known[1], Known::Combined(vec![0]));
        assert!(matches!(fit.known[2], Known::Determined(Some(_))), "{fit:?}");
    }

    #[test]
    fn a_parameter_that_nothing_depends_on_stays_where_it_is() {
        let fit = fitted(&[0.5, 3.0], 4, |x| vec![x[0] - 1.0, 2.0 * x[0] - 2.1]);
        assert_eq!((fit.x[1], &fit.known[1]), (3.0, &Known::Insensitive));
        assert!((fit.x[0] - 1.04).abs() < 1e-6, "{fit:?}");
    }

    /// A server of 40 files/s serves one client, whose link takes 0.1 s, and sixteen. From far
    /// above, nothing holds the sixteen back, and only a worse link could make them so slow.
    #[test]
    fn a_rate_that_holds_nobody_back_at_the_start_is_found() {
        let residuals = |x: &[f64]| -> Vec<f64> {
            let (rate, share) = (libm::exp(x[0]), libm::exp(x[1]));
            let storms = [(1.0, 0.1), (1.0, 0.1), (1.0, 0.1), (16.0, 0.4), (16.0, 0.4)];
            let takes = |clients: f64| f64::max(clients / rate, 0.1) / share;
            storms.map(|(clients, took)| takes(clients) / took - 1.0).to_vec()
        };
        for start in [7.0, 9.0] {
            let fit = fitted(&[start, 0.0], 5, residuals);
            assert!((libm::exp(fit.x[0]) - 40.0).abs() < 1e-5, "{start}: {fit:?}");
            assert!(fit.x[1].abs() < 1e-6 && fit.squares[1] < 1e-12, "{start}: {fit:?}");
            assert!(matches!(fit.known[0], Known::Determined(Some(_))), "{start}: {fit:?}");
        }
        // The single clients alone do not say what it is, nor do the sixteen alone.
        let fit = fitted(&[8.0, 0.0], 3, |x| residuals(x)[..3].to_vec());
        assert_eq!((fit.x[0], &fit.known[0], fit.rival), (8.0, &Known::Insensitive, None));
        let fit = fitted(&[8.0, 0.0], 2, |x| residuals(x)[3..].to_vec());
        assert_eq!((fit.x[0], &fit.known[0]), (8.0, &Known::Insensitive));
        assert!((libm::exp(fit.x[1]) - 0.25).abs() < 1e-6, "{fit:?}");
        let rival = fit.rival.expect("a slow server is as good as a slow link");
        assert!((libm::exp(rival[0] + rival[1]) - 40.0).abs() < 1e-4, "{rival:?}");
    }

    #[test]
    fn a_minimum_beyond_the_box_is_met_at_its_wall() {
        let fit = fitted(&[0.0], 3, |x| vec![x[0] - 20.0, x[0] - 20.0]);
        assert!(fit.converged && (fit.x[0] - 10.0).abs() < 1e-9, "{fit:?}");
    }

    #[test]
    fn a_matrix_is_made_of_its_eigenvectors_again() {
        let matrix = [[4.0, 1.0, -2.0], [1.0, 2.0, 0.0], [-2.0, 0.0, 3.0]];
        let (values, vectors) = eigen(matrix.iter().map(|row| row.to_vec()).collect());
        for (i, row) in matrix.iter().enumerate() {
            for (j, wanted) in row.iter().enumerate() {
                let parts = values.iter().zip(&vectors);
                let found: f64 = parts.map(|(value, vector)| value * vector[i] * vector[j]).sum();
                assert!((found - wanted).abs() < 1e-12, "{found} is not {wanted}");
            }
        }
    }

    /// A line through 8 points with normal errors: 99 % of the intervals hold the truth, give or
    /// take what 2,000 trials allow at 99 % (2.58 sqrt(0.99 0.01 / 2000) = 0.57 %).
    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let trials = 2_000;
        let mut held = [0_u32; 2];
        for trial in 0..trials {
            let mut draw = Stream::new(11, "least squares").draw(trial, 0);
            let data: Vec<_> =
                (0..8).map(|i| 2.0 + 0.5 * f64::from(i) + 0.3 * draw.normal()).collect();
            let residuals = |x: &[f64]| -> Vec<f64> {
                (0..).zip(&data).map(|(i, y)| x[0] + x[1] * f64::from(i) - y).collect()
            };
            let fit = fitted(&[0.0, 0.0], 8, residuals);
            for (i, truth) in [2.0, 0.5].into_iter().enumerate() {
                let Known::Determined(Some(half)) = fit.known[i] else { panic!("{fit:?}") };
                held[i] += u32::from((fit.x[i] - truth).abs() <= half);
            }
        }
        for held in held {
            let share = f64::from(held) / trials as f64;
            assert!((share - LEVEL).abs() <= 0.0058, "{held} of {trials}");
        }
    }
}
