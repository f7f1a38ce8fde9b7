import { Skeleton } from './states.tsx';
import { Tile, Tiles } from './tiles.tsx';
import css from './ui.module.css';

const indexes = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

/** Placeholder of the rows of a table. */
export const SkeletonRows = ({ rows = 4 }: { readonly rows?: number }) => (
  <div className={css['skeletonRows']}>
    {indexes(rows).map((row) => (
      <div key={row}>
        <Skeleton width="40%" />
        <Skeleton width="20%" />
        <Skeleton width="15%" />
      </div>
    ))}
  </div>
);

/** Placeholder of tiles with figures. */
export const SkeletonTiles = ({ names }: { readonly names: readonly string[] }) => (
  <Tiles>
    {names.map((name) => (
      <Tile key={name} name={name} figure={<Skeleton height={24} width="60%" />} />
    ))}
  </Tiles>
);

/** Placeholder of the cards of a page. */
export const SkeletonCards = ({ cards = 2 }: { readonly cards?: number }) => (
  <div className={css['page']}>
    {indexes(cards).map((card) => (
      <div key={card} className={css['card']}>
        <div className={css['cardBody']}>
          <Skeleton height={20} width="30%" />
          <Skeleton width="80%" />
          <Skeleton width="55%" />
        </div>
      </div>
    ))}
  </div>
);

/** Placeholder of a page until its code is loaded. */
export const SkeletonPage = () => (
  <div className={css['page']}>
    <Skeleton height={32} width="220px" />
    <SkeletonCards />
  </div>
);
